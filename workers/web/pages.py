"""Pages for people: runs, stacks, open decisions, the catalogue with forms to start a process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from workers.catalogue.reading import read_catalogue
from workers.core.errors import SluisError
from workers.core.records import Approval, Change, Decision, Plan, Policy, Run, RunState, StackId
from workers.core.values import is_name
from workers.web.access import Person, Role
from workers.web.filters import Filter
from workers.web.forms import texts_of
from workers.web.plan_view import PlanView, view_of
from workers.web.rendering import render
from workers.web.site import Site

PAGE = 50


def page_routes(site: Site) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(site.guard.person)])
    _run_pages(routes, site)
    _stack_pages(routes, site)
    _decision_pages(routes, site)
    _catalogue_pages(routes, site)
    return routes


def _run_pages(routes: APIRouter, site: Site) -> None:
    @routes.get("/")
    async def home() -> Response:
        return RedirectResponse("/runs")

    @routes.get("/runs")
    async def runs(request: Request, wanted: Annotated[Filter, Query()]) -> Response:
        person: Person = request.state.person
        found = await site.chosen(person, wanted)
        first = (wanted.page - 1) * PAGE
        return render(
            site, request, "runs.html", runs=found[first : first + PAGE], total=len(found), wanted=wanted, page=PAGE,
            environments=_environments(site, person), states=list(RunState), waiting=await _waiting(site, person),
        )  # fmt: skip

    @routes.get("/runs/{run_id}")
    async def run(request: Request, run_id: str) -> Response:
        found = await site.run(request.state.person, run_id)
        facts = await _change_of(site, found)
        asked = await _waiting(site, request.state.person) if facts["digest"] and not facts["approvals"] else ()
        waiting = [w for w in asked if w.change == facts["digest"]]
        return render(site, request, "run.html", run=found, waiting=waiting, **facts)


def _stack_pages(routes: APIRouter, site: Site) -> None:
    @routes.get("/stacks")
    async def stacks(request: Request) -> Response:
        access = site.guard.access
        seen = [s for s in await site.context.stacks.all() if access.of_stack(request.state.person, str(s.id))]
        return render(site, request, "stacks.html", stacks=seen)

    @routes.get("/stacks/{environment}/{name}")
    async def stack(request: Request, environment: str, name: str) -> Response:
        site.guard.need(request.state.person, environment, Role.VIEWER)
        record = await site.context.stacks.find(StackId(environment=environment, name=name)) if is_name(name) else None
        if record is None:
            raise HTTPException(404, f"There is no stack {environment}/{name}.")
        runs = [r for r in await site.index.all() if f"{environment}/{name}" in r.stack.split()]
        trail = await site.context.audit.entries(f"{environment}/{name}")
        problems = await site.context.audit.problems(f"{environment}/{name}")
        return render(site, request, "stack.html", stack=record, runs=runs, trail=trail, problems=problems)


def _decision_pages(routes: APIRouter, site: Site) -> None:
    @routes.get("/approvals")
    async def approvals(request: Request) -> Response:
        return render(site, request, "approvals.html", waiting=await _waiting(site, request.state.person))

    @routes.get("/approvals/{task}")
    async def approval(request: Request, task: int) -> Response:
        return await _decision_page(site, request, task)

    @routes.post("/approvals/{task}")
    async def decide(
        request: Request, task: int, decision: Annotated[Decision, Form()], change: Annotated[str, Form()],
        reason: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "",
    ) -> Response:  # fmt: skip
        person: Person = request.state.person
        waiting = next((w for w in await site.waiting(person) if w.task == task), None)
        if waiting is None:
            raise HTTPException(404, "This is not waiting any more.")
        site.guard.need(person, waiting.stack.partition("/")[0], Role.APPROVER)
        site.guard.limit(site.guard.sign_ins, f"decision {person.name}")
        try:
            if change != waiting.change:
                raise HTTPException(409, "The change is another one by now. Read it again.")
            await site.desk.decide(person, waiting, decision, reason, password)
        except SluisError as error:
            return await _decision_page(site, request, task, str(error), 409)
        return RedirectResponse(f"/runs/{waiting.run}", 303)


def _catalogue_pages(routes: APIRouter, site: Site) -> None:
    @routes.get("/catalogue")
    async def catalogue(request: Request) -> Response:
        site.guard.need_anywhere(request.state.person, Role.VIEWER)
        found = read_catalogue(site.context.project)
        return render(site, request, "catalogue.html", catalogue=found, forms=site.desk.forms())

    @routes.get("/start/{process}")
    async def ask(request: Request, process: str) -> Response:
        return _start_page(site, request, process, {}, "")

    @routes.post("/start/{process}")
    async def start(request: Request, process: str) -> Response:
        person: Person = request.state.person
        form = site.form(process)
        if form is None:
            raise HTTPException(404, f"There is no process {process}.")
        texts = texts_of(form, await request.form())
        need_to_start(site, person, process, texts)
        try:
            instance = await site.desk.start(person, process, texts, {})
        except SluisError as error:
            return _start_page(site, request, process, texts, str(error), 400)
        return RedirectResponse(f"/runs?instance={instance}&started=1", 303)


def need_to_start(site: Site, person: Person, process: str, variables: Mapping[str, object]) -> None:
    """Refuse who is no operator where the process works; everywhere, where it does not say.

    A process says it by the variable ``environment``, or ``stages``: several, separated by commas. Where its form has
    a default for one that is not given, the default counts, as it does when the process starts.
    """
    form = site.form(process)
    filled = {str(field["key"]): field.get("defaultValue") for field in form.fields} if form else {}
    filled |= variables
    texts = [text for name in ("environment", "stages") if isinstance(text := filled.get(name), str)]
    environments = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    for environment in environments:
        site.guard.need(person, environment, Role.OPERATOR)
    if not environments:
        site.guard.need_everywhere(person, Role.OPERATOR)


def _start_page(
    site: Site, request: Request, process: str, given: dict[str, str], problem: str, status: int = 200
) -> Response:
    site.guard.need_anywhere(request.state.person, Role.OPERATOR)
    form = site.form(process)
    if form is None:
        raise HTTPException(404, f"There is no process {process}.")
    roles = site.guard.access.roles(request.state.person)
    environments = sorted(name for name, role in roles.items() if role >= Role.OPERATOR)
    return render(
        site, request, "start.html", status, form=form, given=given, problem=problem, environments=environments
    )


async def _decision_page(site: Site, request: Request, task: int, problem: str = "", status: int = 200) -> Response:
    person: Person = request.state.person
    waiting = next((w for w in await site.waiting(person) if w.task == task), None)
    if waiting is None:
        raise HTTPException(404, "This is not waiting (any more).")
    run = await site.context.runs.find(waiting.run)
    role = site.guard.access.of_stack(person, waiting.stack)
    facts = await _change_of(site, run) if run else {}
    return render(
        site, request, "approval.html", status, waiting=waiting, problem=problem, may=role >= Role.APPROVER, **facts
    )


async def _waiting(site: Site, person: Person) -> Any:
    try:
        return await site.waiting(person)
    except SluisError:
        return ()  # the engine does not answer; health says so


def _environments(site: Site, person: Person) -> list[str]:
    return sorted(name for name, role in site.guard.access.roles(person).items() if role)


async def _change_of(site: Site, run: Run) -> dict[str, Any]:
    """The change that a run planned or made: plan, policy, decisions, audit entries."""
    digest = change_digest(run)
    change: Change | None = await site.context.changes.find(digest) if digest else None
    plan: Plan | None = await site.context.plans.find(change.plan) if change and change.plan else None
    document = await site.context.plans.document(plan.digest) if plan else None
    view: PlanView | None = view_of(document) if document else None
    policy: Policy | None = await site.context.changes.policy(digest) if digest else None
    approvals: tuple[Approval, ...] = await site.context.changes.approvals(digest) if digest else ()
    trail = [
        e for s in run.stack.split() for e in await site.context.audit.entries(s) if _about(e.details, run, digest)
    ]
    return {
        "change": change, "digest": digest, "plan": plan, "view": view, "policy": policy, "approvals": approvals,
        "trail": trail,
    }  # fmt: skip


def change_digest(run: Run) -> str:
    """The digest of the change that a run planned, checked, or works on."""
    for result in (run.result.get("plan"), run.result.get("check")):
        if isinstance(result, dict) and isinstance(result.get("change"), str):
            return str(result["change"])
    given = run.inputs.get("change")
    return given if isinstance(given, str) else ""


def _about(details: dict[str, Any], run: Run, digest: str) -> bool:
    same_change = bool(digest) and details.get("change") == digest
    return same_change or details.get("run") == run.id or details.get("process_instance") == run.process_instance
