"""Routes for machines that look after us: health and metrics.

Open to everybody who reaches the port; they tell no names of people, environments or stacks.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from workers.core.values import JsonValue
from workers.web.health import Health
from workers.web.metrics import CONTENT_TYPE, Metrics


def probe_routes(health: Health, metrics: Metrics) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["health"])

    @routes.get("/api/health", summary="The state of each part, as last seen")
    async def everything() -> JSONResponse:
        return _answer(health.as_json(), good=health.ready)

    @routes.get("/api/health/live", summary="Whether the process answers")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/api/health/ready", summary="Whether jobs can be served")
    async def ready() -> JSONResponse:
        return _answer({"status": "ok" if health.ready else "failing"}, good=health.ready)

    @routes.get("/metrics", summary="Counters for Prometheus")
    async def counters() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return routes


def _answer(content: dict[str, JsonValue], *, good: bool) -> JSONResponse:
    return JSONResponse(content, status_code=200 if good else 503)
