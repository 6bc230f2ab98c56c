"""The application: every router, with what all of them share."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from workers.web.headers import SecurityHeaders


def build_app(routers: Iterable[APIRouter], *, https: bool = False) -> ASGIApp:
    """The application.

    Args:
        routers: the routes; other rooms' routers are simply added here.
        https: people reach us by HTTPS.
    """
    app = FastAPI(title="Sluis", docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        app.include_router(router)
    return SecurityHeaders(app, https=https)
