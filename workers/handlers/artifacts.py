"""``artifact.fetch``, and handing a fetched artefact to a role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from workers.core.errors import ToolError, UsageError
from workers.core.job import BpmnErrorCode, Done, Job, JobWorker, Outcome
from workers.core.names import Name
from workers.core.records import ArtifactRecord, Change
from workers.core.values import JsonValue, digest_bytes, now
from workers.execution.artifacts import Fetcher, Wanted, shown_name
from workers.handlers.attempt import Attempt, Recorded, parse
from workers.handlers.context import Context
from workers.runs.artifacts import PREFIX, referred_digest

_Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class EnvironmentRequest(BaseModel):
    """What names the environment of a job."""

    environment: Name


class FetchRequest(EnvironmentRequest):
    """Variables of ``artifact.fetch``."""

    source: _Text
    digest: Annotated[str, StringConstraints(min_length=1, max_length=100, to_lower=True)]
    folder: Annotated[str, StringConstraints(max_length=200)] = ""


def artifact_workers(context: Context) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    fetch = Recorded(context, Fetching(context), BpmnErrorCode.ARTIFACT_REFUSED, _subjects, locked=False)
    return (JobWorker("artifact.fetch", fetch),)


@dataclass(frozen=True)
class Fetching:
    """Fetches an artefact for an environment, holds it to its digest, and keeps it."""

    context: Context

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Fetch; or take what is kept already, where the environment allows the same place."""
        request = parse(FetchRequest, attempt.job, "artefact")
        environment = self.context.environment(request.environment)
        fetcher = Fetcher(environment.artifacts, self.context.project, self.context.secrets.value)
        wanted = Wanted(request.source, request.digest, request.folder)
        fetcher.check(wanted)
        content = await self._kept(wanted) or await fetcher.fetch(wanted)
        record = _record(request, wanted, content, attempt.run.id)
        await self.context.artifacts.save(record, content)
        subject = f"{environment.name}/artifacts"
        await self.context.audit.add(
            subject, self.context.runs.worker, "fetched", source=record.source, digest=record.digest,
            commit=record.commit, run=record.run,
        )  # fmt: skip
        attempt.log.say(f"{record.source}: {record.size} bytes, SHA-256 {record.digest}.")
        return Done({"artifact": _shown(record)})

    async def _kept(self, wanted: Wanted) -> bytes | None:
        return None if wanted.is_git else await self.context.artifacts.stored(wanted.digest)


async def artifact_lines(context: Context, change: Change) -> tuple[str, ...]:
    """A sentence for approvers on each artefact that the roles of a change get."""
    lines = []
    for digest in dict.fromkeys(d for step in change.roles for d in _digests(step.inputs)):
        record = await context.artifacts.find(digest, change.environment)
        if record is not None:
            commit = f", commit `{record.commit}`" if record.commit else ""
            lines.append(f"Artefact **{record.name}** from {record.source}{commit}: {record.size} bytes, `{digest}`.")
    return tuple(lines)


async def artifact_contents(context: Context, environment: str, inputs: JsonValue) -> Mapping[str, bytes]:
    """The artefacts that inputs refer to, by digest.

    Raises:
        ToolError: one was not fetched for the environment.
        StoreError: one does not have its digest.
    """
    try:
        return {d: await context.artifacts.content(d, environment) for d in dict.fromkeys(_digests(inputs))}
    except UsageError as error:
        raise ToolError(error.message, hint=error.hint) from error


def _digests(value: JsonValue) -> Iterator[str]:
    if digest := referred_digest(value):
        yield digest
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _digests(child)


def _record(request: FetchRequest, wanted: Wanted, content: bytes, run: str) -> ArtifactRecord:
    return ArtifactRecord(
        digest=digest_bytes(content),
        environment=request.environment,
        source=wanted.source,
        commit=wanted.digest if wanted.is_git else "",
        folder=wanted.folder,
        name=shown_name(wanted.source),
        size=len(content),
        run=run,
        created=now(),
    )


def _shown(record: ArtifactRecord) -> JsonValue:
    return {
        "reference": f"{PREFIX}{record.digest}",
        "sha256": record.digest,
        "source": record.source,
        "commit": record.commit or None,
        "name": record.name,
        "size": record.size,
        "run": record.run,
    }


def _subjects(job: Job) -> tuple[str, ...]:
    return (f"{parse(EnvironmentRequest, job, job.type).environment}/artifacts",)
