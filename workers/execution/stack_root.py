"""The root of a stack: a module call, a backend, providers, and the inputs as data.

A catalogue module has neither a backend nor provider configuration, so a stack is a small generated root around a
copy of the module. ``main.tf.json`` holds only what the contract and the environment file say. Whatever a user
asks for is in ``*.tfvars.json``, where Terraform evaluates nothing; in ``main.tf.json`` a string with ``${`` would
be a template, so the few strings that go there are escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workers.core.environment import LocalState
from workers.core.errors import ContractError, InputError
from workers.core.values import JsonValue
from workers.execution.root_configuration import (
    ROLE_VARIABLE,
    Phase,
    RootSpec,
    main_configuration,
    role_values,
    state_path,
)
from workers.execution.texts import text_problems
from workers.execution.workspace import write_folder
from workers.runs.folder import Folder, digest_folder, read_folder

LOCK_FILE: Final = ".terraform.lock.hcl"
__all__ = ["LOCK_FILE", "MAIN_FILE", "Phase", "RootSpec", "StackRoot", "ephemeral_values", "render_root", "write_root"]

WORK_FOLDER: Final = ".terraform"
"""What is in here does not count for the workspace digest."""
MAIN_FILE: Final = "main.tf.json"
INPUTS_FILE: Final = "inputs.auto.tfvars.json"
SENSITIVE_FILE: Final = "sensitive.auto.tfvars.json"


@dataclass(frozen=True)
class StackRoot:
    """A stack root on disk.

    Attributes:
        folder: where it is.
        ephemeral: values of ephemeral variables; never written into the root, given again at the apply.
    """

    folder: Path
    ephemeral: Mapping[str, JsonValue] = field(default_factory=dict)

    def digest(self) -> str:
        """The workspace digest: over every file, lock file included."""
        return digest_folder(self.folder)

    @property
    def cloud(self) -> bool:
        """Whether a backend or provider in it may need our AWS identity."""
        file = self.folder / MAIN_FILE
        if not file.exists():
            return True
        main = json.loads(file.read_bytes())
        return "provider" in main or "s3" in main.get("terraform", {}).get("backend", {})

    @contextmanager
    def ephemeral_options(self) -> Iterator[list[str]]:
        """Options that give the ephemeral values, from a file that is gone afterwards."""
        if not self.ephemeral:
            yield []
            return
        file = self.folder / WORK_FOLDER / "ephemeral.tfvars.json"
        file.touch(mode=0o600)
        try:
            file.write_bytes(_json(self.ephemeral))
            yield [f"-var-file={file}"]
        finally:
            file.unlink(missing_ok=True)

    def lock_file(self) -> bytes | None:
        """The provider lock file, once ``init`` has made one."""
        path = self.folder / LOCK_FILE
        return path.read_bytes() if path.exists() else None


def write_root(spec: RootSpec, folder: Path, phase: Phase = "plan") -> StackRoot:
    """Write the root of ``spec`` into the empty private ``folder``.

    Args:
        spec: what it is made from.
        folder: where to; made by ``private_folder``.
        phase: whether the plan's or the apply's cloud role is assumed.

    Raises:
        InputError: an input that the module does not have, or that cannot be handed over.
        ContractError: a module that cannot be called from a generated root.
    """
    rendered = render_root(spec)
    write_folder(folder, rendered.files, rendered.executables)
    if isinstance(spec.environment.state, LocalState):
        state_path(spec).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return StackRoot(folder, ephemeral_values(spec, phase))


def render_root(spec: RootSpec) -> Folder:
    """Every file of the root. The same specification gives the same bytes.

    Raises:
        InputError: an input that the module does not have, or that cannot be handed over.
        ContractError: a module that cannot be called from a generated root.
    """
    _check_inputs(spec)
    module = read_folder(spec.contract.path)
    lock = {LOCK_FILE: spec.lock_file} if spec.lock_file else {}
    if spec.contract.is_root:
        return Folder({**module.files, **lock, **_tfvars(spec)}, module.executables)
    inner = {f"module/{name}": content for name, content in module.files.items() if name != LOCK_FILE}
    files = {MAIN_FILE: _json(main_configuration(spec)), **inner, **lock, **_tfvars(spec)}
    return Folder(files, frozenset(f"module/{name}" for name in module.executables))


def ephemeral_values(spec: RootSpec, phase: Phase) -> dict[str, JsonValue]:
    """The values that are handed over anew to every plan and apply, and kept nowhere."""
    values = {name: value for name, value in spec.inputs.items() if spec.declared(name).ephemeral}
    return values | role_values(spec, phase)


def _check_inputs(spec: RootSpec) -> None:
    unknown = sorted(name for name in spec.inputs if spec.contract.input(name) is None)
    problems = [f"{name}: the module has no such variable" for name in unknown]
    problems += [problem for name, value in spec.inputs.items() for problem in text_problems(name, value)]
    if problems:
        raise InputError(f"module {spec.contract.name}", tuple(problems))
    if spec.contract.input(ROLE_VARIABLE):
        raise ContractError(
            f"{spec.contract.path}: variable {ROLE_VARIABLE!r} is a name that Sluis uses itself.",
            "Rename the variable.",
        )


def _tfvars(spec: RootSpec) -> dict[str, bytes]:
    plain: dict[str, JsonValue] = {}
    sensitive: dict[str, JsonValue] = {}
    for name, value in spec.inputs.items():
        declared = spec.declared(name)
        if not declared.ephemeral:
            (sensitive if declared.sensitive else plain)[name] = value
    return {INPUTS_FILE: _json(plain)} | ({SENSITIVE_FILE: _json(sensitive)} if sensitive else {})


def _json(value: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
