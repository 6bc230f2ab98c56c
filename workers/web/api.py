"""The REST API: start a process, read runs and stacks, decide as a signed-in person, stream logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from workers.core.records import Decision, StackId
from workers.core.values import JsonValue, is_name
from workers.web.access import Person, Role
from workers.web.filters import Filter
from workers.web.logs import LiveLogs
from workers.web.openapi import operations
from workers.web.pages import change_digest, need_to_start
from workers.web.plan_view import view_of
from workers.web.ports import LogSwitch, Waiting
from workers.web.rendering import render
from workers.web.site import Site

RunId = Annotated[str, Path(pattern=r"^\d{1,20}-\d{1,9}$", description="Id of a run, e.g. 2251799813685251-1.")]
_PAGE = 100


class StartRequest(BaseModel):
    """Variables of a process; ``texts`` are converted as its start form says."""

    model_config = ConfigDict(extra="forbid")

    variables: dict[str, JsonValue] = {}
    texts: dict[str, str] = {}


class Started(BaseModel):
    """A process that was started."""

    instance: int
    process: str
    operate: str


class DecisionRequest(BaseModel):
    """A decision on exactly one change."""

    model_config = ConfigDict(extra="forbid")

    change: str = Field(description="The change digest that was read.")
    decision: Decision
    reason: str = ""
    password: str = Field("", description="Your password at the engine, where you are known to the engine only.")


class LevelRequest(BaseModel):
    """The least severe event that is logged."""

    model_config = ConfigDict(extra="forbid")

    level: str


def api_routes(site: Site, log: LogSwitch) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(prefix="/api", dependencies=[Depends(site.guard.person)])
    _run_routes(routes, site)
    _log_routes(routes, site)
    _stack_routes(routes, site)
    _acts(routes, site)
    _admin(routes, site, log)
    _description(routes, site)
    return routes


def _run_routes(routes: APIRouter, site: Site) -> None:
    @routes.get("/runs", tags=["runs"], summary="Runs, newest first")
    async def runs(request: Request, wanted: Annotated[Filter, Query()]) -> dict[str, Any]:
        found = await site.chosen(request.state.person, wanted)
        first = (wanted.page - 1) * _PAGE
        page = await asyncio.gather(*(site.context.runs.find(line.id) for line in found[first : first + _PAGE]))
        return {"total": len(found), "runs": [run.model_dump(mode="json") for run in page if run]}

    @routes.get("/runs/{run_id}", tags=["runs"], summary="One run")
    async def run(request: Request, run_id: RunId) -> dict[str, Any]:
        return (await site.run(request.state.person, run_id)).model_dump(mode="json")

    @routes.get("/runs/{run_id}/plan", tags=["runs"], summary="The plan of a run, redacted, grouped by action")
    async def plan(request: Request, run_id: RunId) -> dict[str, Any]:
        digest = change_digest(await site.run(request.state.person, run_id))
        change = await site.context.changes.find(digest) if digest else None
        document = await site.context.plans.document(change.plan) if change and change.plan else None
        if change is None or document is None:
            raise HTTPException(404, "The run has no plan.")
        approvals = await site.context.changes.approvals(digest)
        return {
            "change": digest, "plan": change.plan, "view": view_of(document),
            "approvals": [a.model_dump(mode="json") for a in approvals],
        }  # fmt: skip


def _log_routes(routes: APIRouter, site: Site) -> None:
    @routes.get("/runs/{run_id}/log", tags=["logs"], summary="The end of a log, or what is before an offset")
    async def tail(request: Request, run_id: RunId, before: int | None = None) -> dict[str, Any]:
        run = await site.run(request.state.person, run_id)
        return (await site.logs.tail(run.id, before)).as_json()

    @routes.get("/runs/{run_id}/log/live", tags=["logs"], summary="New lines as server-sent events")
    async def live(request: Request, run_id: RunId, after: Annotated[int, Query(ge=0)] = 0) -> StreamingResponse:
        run = await site.run(request.state.person, run_id)
        resumed = request.headers.get("Last-Event-ID", "")
        offset = int(resumed) if resumed.isdecimal() else after
        return StreamingResponse(
            _events(site.live, run.id, offset), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    @routes.get("/runs/{run_id}/log/search", tags=["logs"], summary="Lines with a text")
    async def search(
        request: Request, run_id: RunId, text: Annotated[str, Query(min_length=1, max_length=200)]
    ) -> dict[str, Any]:
        run = await site.run(request.state.person, run_id)
        return {"lines": list(await site.logs.find(run.id, text))}

    @routes.get("/runs/{run_id}/progress", tags=["logs"], summary="The last state of each resource and task")
    async def progress(request: Request, run_id: RunId) -> dict[str, Any]:
        run = await site.run(request.state.person, run_id)
        return {"lines": list(await site.logs.progress(run.id))}

    @routes.get("/runs/{run_id}/log.txt", tags=["logs"], summary="The whole log as text")
    async def download(request: Request, run_id: RunId) -> StreamingResponse:
        run = await site.run(request.state.person, run_id)
        name = {"Content-Disposition": f'attachment; filename="{run.id}.log"'}
        return StreamingResponse(site.logs.text(run.id), media_type="text/plain; charset=utf-8", headers=name)


def _stack_routes(routes: APIRouter, site: Site) -> None:
    @routes.get("/stacks", tags=["stacks"], summary="All stacks")
    async def stacks(request: Request) -> dict[str, Any]:
        access = site.guard.access
        seen = (s for s in await site.context.stacks.all() if access.of_stack(request.state.person, str(s.id)))
        return {"stacks": [s.model_dump(mode="json") for s in seen]}

    @routes.get("/stacks/{environment}/{name}", tags=["stacks"], summary="One stack with its audit trail")
    async def stack(request: Request, environment: str, name: str) -> dict[str, Any]:
        site.guard.need(request.state.person, environment, Role.VIEWER)
        found = await site.context.stacks.find(StackId(environment=environment, name=name)) if is_name(name) else None
        if found is None:
            raise HTTPException(404, f"There is no stack {environment}/{name}.")
        trail = await site.context.audit.entries(f"{environment}/{name}")
        return {"stack": found.model_dump(mode="json"), "audit": [e.model_dump(mode="json") for e in trail]}


def _acts(routes: APIRouter, site: Site) -> None:
    @routes.post("/processes/{process}", tags=["processes"], summary="Start a process", status_code=201)
    async def start(request: Request, process: str, wanted: StartRequest) -> Started:
        person: Person = request.state.person
        if twice := wanted.variables.keys() & wanted.texts.keys():
            # The role is looked up for one environment; the process must not get another one.
            raise HTTPException(400, f"Given twice, as a value and as a text: {', '.join(sorted(twice))}.")
        need_to_start(site, person, process, {**wanted.variables, **wanted.texts})
        instance = await site.desk.start(person, process, wanted.texts, wanted.variables)
        return Started(instance=instance, process=process, operate=site.desk.operate(instance))

    @routes.get("/approvals", tags=["approvals"], summary="Changes that wait for a decision")
    async def approvals(request: Request) -> dict[str, Any]:
        return {"waiting": [_shown(w) for w in await site.waiting(request.state.person)]}

    @routes.post("/approvals/{task}", tags=["approvals"], summary="Approve or reject, as a signed-in person")
    async def decide(request: Request, task: int, wanted: DecisionRequest) -> dict[str, Any]:
        person: Person = request.state.person
        waiting = next((w for w in await site.waiting(person) if w.task == task), None)
        if waiting is None:
            raise HTTPException(404, "There is no such thing here, or not for you.")
        site.guard.need(person, waiting.stack.partition("/")[0], Role.APPROVER)
        if person.is_machine:
            raise HTTPException(403, "A token is nobody who could decide. Sign in as a person.")
        if wanted.change != waiting.change:
            raise HTTPException(409, "The change is another one by now. Read it again.")
        site.guard.limit(site.guard.sign_ins, f"decision {person.name}")
        await site.desk.decide(person, waiting, wanted.decision, wanted.reason, wanted.password)
        return {"task": task, "change": waiting.change, "decision": wanted.decision.value, "approver": person.name}


def _admin(routes: APIRouter, site: Site, log: LogSwitch) -> None:
    @routes.get("/log-level", tags=["service"], summary="The level of this worker's log")
    async def level(request: Request) -> dict[str, str]:
        site.guard.need_everywhere(request.state.person, Role.ADMIN)
        return {"level": log.level}

    @routes.put("/log-level", tags=["service"], summary="Change the level of this worker's log")
    async def set_level(request: Request, wanted: LevelRequest) -> dict[str, str]:
        site.guard.need_everywhere(request.state.person, Role.ADMIN)
        log.set_level(wanted.level)
        return {"level": log.level}


def _description(routes: APIRouter, site: Site) -> None:
    @routes.get("/openapi.json", include_in_schema=False)
    async def schema(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @routes.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return render(site, request, "api.html", operations=operations(request.app.openapi()))


async def _events(live: LiveLogs, run: str, offset: int) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    async for piece in live.follow(run, offset):
        yield f"id: {piece.end}\ndata: {json.dumps(piece.as_json(), ensure_ascii=False)}\n\n"
    yield "event: end\ndata: {}\n\n"


def _shown(waiting: Waiting) -> dict[str, Any]:
    return {
        "task": waiting.task, "instance": waiting.root, "change": waiting.change, "stack": waiting.stack,
        "summary": waiting.summary, "run": waiting.run, "requester": waiting.requester or None,
        "created": waiting.created.isoformat() if waiting.created else None, "tasklist": waiting.tasklist,
        "policy": waiting.policy.model_dump(mode="json") if waiting.policy else None,
    }  # fmt: skip
