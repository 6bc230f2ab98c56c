"""Deploying the project's models, decision tables and forms, all in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from workers.catalogue.checking import check_models
from workers.core.errors import NotFoundError, UsageError
from workers.core.values import JsonValue, digest_bytes
from workers.runs.store import Store
from workers.service.assembly import Assembly
from workers.service.choices import choices_of, with_choices
from workers.service.listeners import has_listeners, with_listeners

if TYPE_CHECKING:
    from workers.engine.grpc import ZeebeGateway

_PATTERNS: Final = ("*.bpmn", "*.dmn", "*.form")


@dataclass(frozen=True)
class DeployedResource:
    """A process, decision or form at the engine.

    Attributes:
        kind: ``process``, ``decision`` or ``form``.
        new: the engine did not have this version before.
    """

    kind: str
    id: str
    version: int
    file: str
    new: bool

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {"kind": self.kind, "id": self.id, "version": self.version, "file": self.file, "new": self.new}


def resources(project: Path) -> dict[str, bytes]:
    """Every model, table and form of the project, by file name.

    Raises:
        NotFoundError: there is none.
    """
    folder = project / "bpmn"
    found = {path.name: path.read_bytes() for pattern in _PATTERNS for path in sorted(folder.glob(pattern))}
    if not found:
        raise NotFoundError(f"{folder} holds no model.", "Run sluis in a project folder, or set SLUIS_PROJECT.")
    return found


def refuse_wrong_models(project: Path) -> None:
    """Let no model pass that disagrees with the project; a folder that cannot be read stops only its own workers.

    Raises:
        UsageError: with every finding, one per line.
    """
    wrong = [str(finding) for finding in check_models(project) if finding.file.startswith("bpmn/")]
    if wrong:
        message = "The models disagree with the project, so nothing was deployed:\n" + "\n".join(wrong)
        raise UsageError(message, "`sluis check` says it again.")


async def deploy(assembly: Assembly, gateway: ZeebeGateway) -> tuple[DeployedResource, ...]:
    """Deploy everything; what the engine has already keeps its version.

    Raises:
        NotFoundError: the project has no models.
        UsageError: a model disagrees with the catalogue, as ``sluis check`` says.
        EngineError: the engine refuses one; nothing is deployed then.
    """
    files = resources(assembly.context.project)
    refuse_wrong_models(assembly.context.project)
    deployment = await gateway.deploy(await _for_engine(_filled_in(assembly.context.project, files), gateway))
    listed = {"process": deployment.processes, "decision": deployment.decisions, "form": deployment.forms}
    found: list[DeployedResource] = []
    for kind, items in listed.items():
        for item in items:
            known = await assembly.store.create(f"deployed/{kind}-{item.key}", item.resource.encode())
            found.append(DeployedResource(kind, item.id, item.version, item.resource, known))
    await _pin_tables(assembly.store, files)
    return tuple(found)


def _filled_in(project: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files, with what the project has in the selects of the forms."""
    choices = choices_of(project)
    return {n: with_choices(content, choices) if n.endswith(".form") else content for n, content in files.items()}


async def _for_engine(files: dict[str, bytes], gateway: ZeebeGateway) -> dict[str, bytes]:
    """The files as this engine takes them: from 8.8 on, reviews have a listener."""
    if not has_listeners((await gateway.topology()).gateway_version):
        return files
    return {name: with_listeners(content) if name.endswith(".bpmn") else content for name, content in files.items()}


async def _pin_tables(store: Store, files: dict[str, bytes]) -> None:
    """Remember which decision tables count: those deployed last by this project, and no older ones."""
    for content in (files[name] for name in files if name.endswith(".dmn")):
        for decision in ET.fromstring(content).iterfind(".//{*}decision"):  # noqa: S314 - the project's own file
            await store.write(f"tables/{decision.get('id')}", digest_bytes(content).encode())
