"""The guard at every route: who asks, whether the request is theirs, how often, and whether they may.

A route that does not ask the guard does not exist: routers are made with its dependency, and a test walks the table.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.exceptions import HTTPException

from workers.core.records import Run
from workers.web.access import TOKEN, Access, Person, Role
from workers.web.limits import RateLimit

Bearer = Callable[[str], Awaitable[Person | None]]
"""Says whose token it is; None where it is nobody's."""

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_SESSION: Final = "person"


class NotSignedInError(Exception):
    """Nobody is signed in, or the token is not known."""


async def no_bearer(token: str) -> Person | None:  # noqa: ARG001 - the form of `Bearer`
    """No identity provider is set."""
    return None


@dataclass
class Guard:
    """Stands at every route.

    Args:
        access: the roles.
        tokens: SHA-256 digests of static tokens, by the machine's name.
        bearer: checks a token of the identity provider.
        hours: how long a sign-in lasts.
    """

    access: Access
    tokens: Mapping[str, str] = field(default_factory=dict)
    bearer: Bearer = no_bearer
    hours: float = 8.0
    reads: RateLimit = field(default_factory=lambda: RateLimit(600, 300))
    writes: RateLimit = field(default_factory=lambda: RateLimit(60, 30))
    sign_ins: RateLimit = field(default_factory=lambda: RateLimit(10, 10))

    async def person(self, request: Request) -> Person:
        """Whoever asks. The dependency of every router that is not open to all.

        Raises:
            NotSignedInError: nobody whom we know.
            HTTPException: 403 for a request that another site made, 429 for too many.
        """
        header = request.headers.get("Authorization", "")
        if header:
            person = await self._of_token(header)
        else:
            person = self._of_session(request)
            if person and request.method not in _SAFE:
                await self._same_site(request)
        if person is None:
            self.limit(self.sign_ins if header else self.reads, address_of(request))
            raise NotSignedInError
        self.limit(self.reads if request.method in _SAFE else self.writes, person.name)
        request.state.person = person
        return person

    def sign_in(self, request: Request, person: Person) -> None:
        """Begin a session for somebody whom we have just authenticated."""
        request.session.clear()
        request.session[_SESSION] = {"name": person.name, "via": person.via, "groups": list(person.groups)}
        request.session["until"] = time.time() + self.hours * 3600
        request.session["csrf"] = secrets.token_urlsafe(32)

    async def same_site_form(self, request: Request) -> None:
        """Refuse a form that another site sent, also where nobody is signed in yet."""
        await self._same_site(request)

    def limit(self, limit: RateLimit, key: str) -> None:
        """Count a request.

        Raises:
            HTTPException: too many.
        """
        if not limit.allows(key):
            raise HTTPException(429, "Too many requests. Wait a minute.", headers={"Retry-After": "60"})

    def need(self, person: Person, environment: str, role: Role) -> None:
        """Refuse where the person's role in an environment is too low; an environment of others does not exist.

        Raises:
            HTTPException: 404 where they may not even see it, else 403.
        """
        refuse_below(self.access.role(person, environment), role)

    def need_run(self, person: Person, run: Run, role: Role = Role.VIEWER) -> None:
        """The same for what a run works on."""
        refuse_below(self.access.of_run(person, run), role)

    def need_anywhere(self, person: Person, role: Role) -> None:
        """The same for what belongs to no environment and tells nothing of any."""
        if self.access.anywhere(person) < role:
            raise HTTPException(403, f"This needs the role {role.name.lower()}.")

    def need_everywhere(self, person: Person, role: Role) -> None:
        """The same for what concerns every environment."""
        if self.access.everywhere(person) < role:
            raise HTTPException(403, f"This needs the role {role.name.lower()} in every environment.")

    async def _of_token(self, header: str) -> Person | None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        digest = sha256(token.encode()).hexdigest()
        known = [name for name, wanted in self.tokens.items() if hmac.compare_digest(wanted, digest)]
        return Person(TOKEN + known[0], "token") if known else await self.bearer(token)

    def _of_session(self, request: Request) -> Person | None:
        found = request.session.get(_SESSION)
        if not found or request.session.get("until", 0) < time.time():
            return None
        return Person(found["name"], found["via"], tuple(found["groups"]))

    async def _same_site(self, request: Request) -> None:
        """The request carries the session's own token, and no foreign page as its origin."""
        origin = request.headers.get("Origin", "")
        if origin and urlsplit(origin).netloc != request.headers.get("Host"):
            raise HTTPException(403, "The request comes from another site.")
        wanted = request.session.get("csrf", "")
        given = request.headers.get("X-CSRF-Token") or await _field(request, "csrf")
        if not wanted or not hmac.compare_digest(wanted, given):
            raise HTTPException(403, "The page is too old, or not ours. Load it again.")


def csrf_of(request: Request) -> str:
    """The session's token for forms; made at the first form."""
    if "csrf" not in request.session:
        request.session["csrf"] = secrets.token_urlsafe(32)
    return str(request.session["csrf"])


def address_of(request: Request) -> str:
    """Where the request came from."""
    return request.client.host if request.client else ""


def refuse_below(held: Role, wanted: Role) -> None:
    """Raise 404 for no role at all, 403 for one that is too low."""
    if held is Role.NONE:
        raise HTTPException(404, "There is no such thing here, or not for you.")
    if held < wanted:
        raise HTTPException(403, f"This needs the role {wanted.name.lower()}.")


async def _field(request: Request, name: str) -> str:
    if not request.headers.get("Content-Type", "").startswith(("application/x-www-form-urlencoded", "multipart/")):
        return ""
    return str((await request.form()).get(name, ""))
