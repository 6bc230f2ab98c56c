"""Open approvals, and deciding on them in the name of a person who signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from workers.approvals.eyes import deciding_groups, objection
from workers.approvals.statements import Person, Question, state
from workers.core.errors import BusyError, NotFoundError, UsageError
from workers.core.records import Decision, Policy, Run
from workers.core.values import JsonValue, now
from workers.engine.errors import JobGoneError
from workers.engine.rest import OrchestrationRest, UserTask
from workers.runs.runs import Runs
from workers.service.assembly import Assembly

REVIEW_ELEMENT = "Task_ReviewChange"


@dataclass(frozen=True)
class OpenTask:
    """A user task that waits, with what is to be decided where it is about a change.

    Attributes:
        root: the outermost process instance.
        change: change digest; empty where the task is about something else.
        summary: the counts, in words.
        markdown: what the approver reads.
        requester: who asked; empty where that is not known.
        policy: what the policy asks for.
        tasklist: where Tasklist shows it.
    """

    key: int
    element: str
    process: str
    instance: int
    root: int
    assignee: str
    groups: tuple[str, ...]
    created: datetime | None
    change: str
    stack: str
    summary: str
    markdown: str
    run: str
    requester: str
    policy: Policy | None
    tasklist: str

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "task": self.key,
            "element": self.element,
            "process": self.process,
            "instance": self.instance,
            "root": self.root,
            "assignee": self.assignee or None,
            "groups": list(self.groups),
            "created": self.created.isoformat() if self.created else None,
            "change": self.change or None,
            "stack": self.stack or None,
            "summary": self.summary,
            "markdown": self.markdown,
            "run": self.run or None,
            "requester": self.requester or None,
            "approvals_needed": self.policy.approvals if self.policy else None,
            "tasklist": self.tasklist,
        }


async def open_tasks(assembly: Assembly, rest: OrchestrationRest) -> tuple[OpenTask, ...]:
    """Every open user task, oldest first."""
    tasks = await rest.user_tasks(state="CREATED", limit=1000)
    return tuple([task async for task in described(assembly, rest, tasks)])


async def described(assembly: Assembly, rest: OrchestrationRest, tasks: Sequence[UserTask]) -> AsyncIterator[OpenTask]:
    """Open user tasks one after another, oldest first: a thousand of them do not fill the memory.

    Args:
        assembly: the parts.
        rest: the engine.
        tasks: as the engine lists them, newest first.
    """
    runs = await _by_instance(assembly.context.runs) if tasks else {}
    for task in reversed(tasks):
        yield await _describe(assembly, rest, task, runs)


async def find_task(assembly: Assembly, rest: OrchestrationRest, number: int) -> OpenTask:
    """The open task of that key, or the only review of the process instance of that key and of what it called.

    Raises:
        NotFoundError: there is none.
        UsageError: the instance has several.
    """
    tasks = await rest.user_tasks(state="CREATED", limit=1000)
    found = [t for t in tasks if t.key == number]
    if not found:
        # Other tasks of it are for other answers than approve and reject; the search may show one that is done, too.
        family = await _family(rest, number)
        found = [t for t in tasks if t.process_instance in family and t.element == REVIEW_ELEMENT]
    if not found:
        raise NotFoundError(
            f"There is no open task {number}, and no open review in a process instance {number}.", "See `sluis tasks`."
        )
    if len(found) > 1:
        keys = ", ".join(str(t.key) for t in found)
        raise UsageError(f"Process instance {number} has {len(found)} open reviews.", f"Name one of them: {keys}.")
    return await _describe(assembly, rest, found[0], await _by_instance(assembly.context.runs))


async def _family(rest: OrchestrationRest, instance: int) -> frozenset[int]:
    try:
        return frozenset(i.key for i in await rest.tree(instance))
    except JobGoneError:
        return frozenset()


def objection_to(assembly: Assembly, task: OpenTask, user: str, decision: Decision) -> str:
    """Why ``user`` should not decide on this task, as far as it can be said before; empty where they may.

    What counts is what the worker says after the decision, on the engine's record.
    """
    if not task.change or task.policy is None:
        return f"Task {task.key} is not about a change. Complete it in Tasklist: {task.tasklist}"
    environment = assembly.context.environment(str(task.policy.facts.get("environment", "")))
    groups = deciding_groups(task.policy, now())
    members = environment.people.members(*groups)
    service = assembly.settings.rest_user
    return objection(user, decision, task.requester or None, members, "' or '".join(groups), service)


async def decide(rest: OrchestrationRest, task: OpenTask, user: str, decision: Decision, reason: str) -> None:
    """Claim the task for ``user``, who is signed in with ``rest``, and complete it with their decision.

    Raises:
        UsageError: a rejection without a reason.
        BusyError: somebody else has claimed the task, or it was completed meanwhile.
    """
    if decision is Decision.REJECTED and not reason.strip():
        raise UsageError("A rejection needs a reason, which the requester reads.", "Add --reason '…'.")
    if task.assignee not in ("", user):
        raise BusyError(f"Task {task.key} is claimed by {task.assignee}.", f"Ask them, or see {task.tasklist}.")
    try:
        if task.assignee != user:
            await rest.assign(task.key, user)
        await rest.complete(task.key, {"decision": decision.value, "reason": reason})
    except JobGoneError as error:
        raise BusyError(f"Task {task.key} is not open any more.", "`sluis tasks` lists what is.") from error


async def decide_for(
    assembly: Assembly, service: OrchestrationRest, task: OpenTask, person: Person, decision: Decision, reason: str
) -> None:
    """Decide in the name of somebody whom we authenticated: write it down, then complete the task as the service.

    Args:
        assembly: the parts.
        service: the engine, signed in as the service.
        task: what is decided on.
        person: who decides.
        decision: what they say.
        reason: why; a rejection needs one.

    Raises:
        UsageError: the task is not about a change, or a rejection has no reason.
        DeniedError: they may not decide on it.
        BusyError: somebody else has decided, or is about to in Tasklist.
    """
    if not task.change or task.policy is None:
        raise UsageError(f"Task {task.key} is not about a change.", f"Complete it in Tasklist: {task.tasklist}")
    if task.assignee not in ("", assembly.settings.rest_user):
        raise BusyError(f"Task {task.key} is claimed by {task.assignee}.", f"Ask them, or see {task.tasklist}.")
    environment = assembly.context.environment(str(task.policy.facts.get("environment", "")))
    question = Question(task.key, task.policy, environment, task.requester or None)
    said = await state(assembly.context.changes, question, person, decision, reason)
    await decide(service, task, assembly.settings.rest_user, said.decision, said.reason)


async def _by_instance(runs: Runs) -> dict[int, str]:
    """The id of the newest run of each process instance that planned or checked a change."""
    found: dict[int, tuple[datetime, str]] = {}
    async for run in runs.each():
        if _change(run):
            newest = (run.created, run.id)
            found[run.process_instance] = max(newest, found.get(run.process_instance, newest))
    return {instance: run for instance, (_, run) in found.items()}


def _change(run: Run) -> dict[str, JsonValue]:
    result = run.result.get("plan") or run.result.get("check")
    return result if isinstance(result, dict) and result.get("change") else {}


async def _describe(assembly: Assembly, rest: OrchestrationRest, task: UserTask, runs: dict[int, str]) -> OpenTask:
    name = runs.get(task.process_instance)
    run = await assembly.context.runs.find(name) if name else None
    shown = _change(run) if run and task.element == REVIEW_ELEMENT else {}
    digest = str(shown.get("change", ""))
    root = (await rest.root_of(task.process_instance)).key
    request = await assembly.context.requests.find(root)
    return OpenTask(
        key=task.key,
        element=task.element,
        process=task.process,
        instance=task.process_instance,
        root=root,
        assignee=task.assignee,
        groups=task.groups,
        created=task.created,
        change=digest,
        stack=run.stack if run and shown else "",
        summary=str(shown.get("summary", "")),
        markdown=str(shown.get("markdown", "")),
        run=run.id if run and shown else "",
        requester=request.requester if request else "",
        policy=await assembly.context.changes.policy(digest) if digest else None,
        tasklist=f"{rest.address}/tasklist/{task.key}",
    )
