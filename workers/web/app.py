"""The application: every router, with what all of them share: sessions, headers, answers to errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from workers.core.errors import BusyError, DeniedError, EngineUnavailableError, NotFoundError, SluisError, UsageError
from workers.web.guard import NotSignedInError
from workers.web.headers import SecurityHeaders
from workers.web.rendering import ASSETS, render_error

_STATUS: Final = (
    (NotFoundError, 404),
    (DeniedError, 403),
    (UsageError, 400),
    (BusyError, 409),
    (EngineUnavailableError, 503),
)
_TITLES: Final = {400: "That does not fit", 403: "Not allowed", 404: "Not found", 409: "Too late", 429: "Slow down"}


@dataclass(frozen=True)
class Sessions:
    """How sign-ins are remembered: in a signed cookie.

    Attributes:
        secret: signs the cookie; the same for all workers behind one address.
        hours: how long.
    """

    secret: str
    hours: float = 8.0


def build_app(routers: Iterable[APIRouter], *, sessions: Sessions | None = None, https: bool = False) -> ASGIApp:
    """The application.

    Args:
        routers: the routes; other rooms' routers are simply added here.
        sessions: where people sign in.
        https: people reach us by HTTPS.
    """
    app = FastAPI(title="Sluis", docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        app.include_router(router)
    _answers(app)
    _assets(app)
    if sessions:
        app.add_middleware(
            SessionMiddleware, secret_key=sessions.secret, session_cookie="__Host-sluis" if https else "sluis",
            max_age=int(sessions.hours * 3600), same_site="lax", https_only=https,
        )  # fmt: skip
    return SecurityHeaders(app, https=https)


def _assets(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=ASSETS), name="static")


def _answers(app: FastAPI) -> None:
    @app.exception_handler(NotSignedInError)
    async def nobody(request: Request, _: Exception) -> Response:
        if _wants_page(request) and request.method == "GET":
            return RedirectResponse(f"/sign-in?to={quote(str(request.url.path), safe='')}", 303)
        return JSONResponse(
            {"error": "Sign in first, or send a token."}, status_code=401, headers={"WWW-Authenticate": "Bearer"}
        )

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        return _told(request, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(SluisError)
    async def explained(request: Request, error: Exception) -> Response:
        assert isinstance(error, SluisError)  # noqa: S101 - what it is registered for
        status = next((number for kind, number in _STATUS if isinstance(error, kind)), 502)
        return _told(request, status, str(error), {})

    @app.exception_handler(RequestValidationError)
    async def misfit(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return _told(request, 422, "; ".join(problems), {})


def _told(request: Request, status: int, message: str, headers: dict[str, str]) -> Response:
    if _wants_page(request):
        return render_error(request, _TITLES.get(status, "That did not work"), message, status)
    return JSONResponse({"error": message}, status_code=status, headers=headers)


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
