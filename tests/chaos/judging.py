"""What must hold after a fault, and what was lost where it does not."""

from __future__ import annotations

from collections.abc import Iterable

from cases import Case
from scene import Scene
from workers.runs.audit import Audit
from workers.runs.locks import is_held
from workers.runs.records import Changes


async def judge(scene: Scene, cases: Iterable[Case] | None = None) -> None:
    """Note what was lost in cases that have ended.

    At most one effect per approval; the end, the runs, the trail and the locks as they have to be.
    """
    judged = list(cases or scene.cases)
    for case in judged:
        effects = len(scene.passes(case, case.effect))
        approvals = await approved(scene, case)
        if effects > approvals:
            case.lost.append(f"{effects} effects of {approvals} approvals")
        if case.approvals and approvals != case.approvals:
            case.lost.append(f"{approvals} approvals, expected {case.approvals}")
        if effects not in case.effects:
            case.lost.append(f"{effects} effects, expected {case.effects}")
        if case.ended != case.end:
            case.lost.append(f"ended at {case.ended}, expected {case.end}")
        case.lost += await _open_ends(scene, case)
        if case.taken_over:
            case.lost += await _not_taken_over(scene, case)
    losses = [f"{case.fault}: {case.lost}" for case in judged if case.lost]
    assert not losses, losses


async def approved(scene: Scene, case: Case) -> int:
    """How often people have approved the change of a case, as the store has it."""
    changes = Changes(scene.store)
    digests = {key.split("/")[1] for key in await scene.store.keys("changes")}
    found = [change for digest in digests if (change := await changes.find(digest))]
    ours = [c for c in found if c.stack == case.subject or c.hosts == (case.name,)]
    kept = [await changes.approvals(change.digest) for change in ours]
    return sum(1 for one in kept for approval in one if approval.counts and approval.decision == "approved")


async def _users(scene: Scene) -> set[str]:
    """The runs that have used an approved plan or role."""
    plans = [key for key in await scene.store.keys("plans") if key.endswith("/used")]
    roles = [key for key in await scene.store.keys("changes") if key.split("/")[2] == "roles"]
    return {(await scene.store.read(key) or b"").decode() for key in (*plans, *roles)}


async def _not_taken_over(scene: Scene, case: Case) -> list[str]:
    made = [run for run in await scene.runs(case) if run.job_type.endswith((".apply", ".run"))]
    states = [run.state.value for run in made]
    return [] if states == ["finished"] else [f"its result was not taken over: {states}"]


async def _open_ends(scene: Scene, case: Case) -> list[str]:
    """Runs without an end, applies that the trail does not know the end of, locks that are held."""
    runs = await scene.runs(case)
    found = [f"run {run.id} is {run.state.value}" for run in runs if not run.state.ended]
    audit = Audit(scene.store)
    told = {entry.details.get("run") for entry in await audit.entries(case.subject) if entry.action != "planned"}
    used = await _users(scene)
    made = [run for run in runs if run.id in used and run.code != "PLAN_STALE"]
    found += [f"the trail does not tell of run {run.id}" for run in made if run.id not in told]
    found += await audit.problems(case.subject)
    locks = [scene.project.data / "locks" / "stacks" / f"{case.subject}.lock"]
    locks += [scene.project.data / "locks" / "runs" / run.id for run in runs]
    return found + [f"{lock.name} is still held" for lock in locks if is_held(lock)]
