"""Signing in and out: with the engine's own name and password, or at an identity provider."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from workers.web.access import Person
from workers.web.guard import address_of
from workers.web.oidc import Oidc
from workers.web.rendering import render
from workers.web.site import Site


def sign_in_routes(site: Site, oidc: Oidc | None = None) -> APIRouter:
    """The routes of this module, open to everybody."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/sign-in")
    async def ask(request: Request, to: str = "/") -> Response:
        return _page(site, request, to, "")

    @routes.post("/sign-in")
    async def take(
        request: Request,
        user: Annotated[str, Form()],
        password: Annotated[str, Form()],
        to: Annotated[str, Form()] = "/",
    ) -> Response:
        await site.guard.same_site_form(request)
        site.guard.limit(site.guard.sign_ins, f"address {address_of(request)}")
        site.guard.limit(site.guard.sign_ins, f"user {user}")
        # A colon would make a group or a machine of a name.
        if not site.engine_users or ":" in user or not await site.desk.let_in(user, password):
            return _page(site, request, to, "The engine does not know this name with this password.", 401)
        site.guard.sign_in(request, Person(user, "engine"))
        return RedirectResponse(_inside(to), 303)

    @routes.post("/sign-out")
    async def leave(request: Request) -> Response:
        await site.guard.same_site_form(request)
        request.session.clear()
        return RedirectResponse("/sign-in", 303)

    if oidc is not None:
        _provider_routes(routes, site, oidc)
    return routes


def _provider_routes(routes: APIRouter, site: Site, oidc: Oidc) -> None:
    @routes.get("/sign-in/provider")
    async def go(request: Request, to: str = "/") -> Response:
        request.session["to"] = _inside(to)
        try:
            return await oidc.redirect(request)
        except (httpx.HTTPError, ValueError):
            return _page(site, request, to, f"{oidc.name} does not answer. Try again.", 503)

    @routes.get("/sign-in/back")
    async def back(request: Request) -> Response:
        person = await oidc.person(request)
        to = _inside(str(request.session.get("to", "/")))
        if person is None:
            return _page(site, request, to, f"{oidc.name} did not say who you are. Try again.", 401)
        site.guard.sign_in(request, person)
        return RedirectResponse(to, 303)


def _page(site: Site, request: Request, to: str, problem: str, status: int = 200) -> Response:
    return render(
        site, request, "sign_in.html", status, to=_inside(to), problem=problem,
        engine=site.engine_users, provider=site.oidc,
    )  # fmt: skip


def _inside(to: str) -> str:
    """Only paths of ours: a sign-in leads nowhere else."""
    parts = urlsplit(to)
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return to if inside else "/"
