"""Signing in to the REST API, and one request with all that can go wrong with it.

Measured on 8.6: ``POST /api/login?username=&password=`` answers 204 with a session cookie and an ``X-CSRF-TOKEN``
header that every later POST must send back; a wrong password answers 401, a missing or old session or token 403.
"""

from __future__ import annotations

import asyncio
import base64
import random
import time
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx

from workers.core.errors import EngineError, EngineUnavailableError
from workers.engine.errors import EngineBusyError, JobGoneError
from workers.engine.tls import Tls
from workers.engine.tokens import Tokens

_BUSY: Final = (429, 503)
_BUSY_ATTEMPTS: Final = 30
_REFUSED: Final = (401, 403)
_GONE: Final = 404


class Credentials(Protocol):
    """A way to sign in."""

    async def apply(self, client: httpx.AsyncClient) -> None:
        """Put what proves our identity into the client's headers and cookies."""
        ...


@dataclass(frozen=True)
class UserPassword:
    """A user of Operate and Tasklist who signs in by form; where there is no such form (8.8+), HTTP basic."""

    user: str
    password: str

    async def apply(self, client: httpx.AsyncClient) -> None:
        """Sign in and keep cookie and CSRF token in the client."""
        client.cookies.clear()
        client.headers.pop("X-CSRF-TOKEN", None)
        answer = await client.post("/api/login", params={"username": self.user, "password": self.password})
        if answer.status_code == _GONE:
            token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            client.headers["Authorization"] = f"Basic {token}"
        elif answer.is_success:
            client.headers["X-CSRF-TOKEN"] = answer.headers.get("X-CSRF-TOKEN", "")
        elif answer.status_code in _REFUSED:
            raise EngineError(
                f"{client.base_url} does not let user {self.user!r} in.",
                "Check SLUIS_REST_USER and SLUIS_REST_PASSWORD.",
            )
        else:
            raise EngineUnavailableError(f"{client.base_url} cannot sign anybody in yet ({answer.status_code}).")


@dataclass(frozen=True)
class BearerToken:
    """A token that somebody else obtained."""

    token: str

    async def apply(self, client: httpx.AsyncClient) -> None:
        """Send the token with every request."""
        client.headers["Authorization"] = f"Bearer {self.token}"


@dataclass
class OAuthClient:
    """Client credentials; a new token is used when the API refuses the old one.

    Args:
        tokens: where they come from.
    """

    tokens: Tokens
    _refused: str = ""

    async def apply(self, client: httpx.AsyncClient) -> None:
        """Send a token with every request, another one than last time."""
        self._refused = await asyncio.to_thread(self.tokens.token, not_this=self._refused)
        client.headers["Authorization"] = f"Bearer {self._refused}"


class RestSession:
    """A signed-in connection. Signs in at the first request, and again when the session has ended."""

    def __init__(self, address: str, credentials: Credentials, tls: Tls | None = None) -> None:
        self.address = address.rstrip("/")
        self._credentials = credentials
        verify = tls.context() if tls and self.address.startswith("https:") else True
        self._client = httpx.AsyncClient(base_url=self.address, timeout=20, verify=verify)
        self._signing = asyncio.Lock()
        self._signed_in = 0.0

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def sign_in(self, older_than: float | None = None) -> None:
        """Sign in; with ``older_than`` only where nobody else did since that moment."""
        async with self._signing:
            if older_than is not None and self._signed_in > older_than:
                return
            try:
                await self._credentials.apply(self._client)
            except httpx.HTTPError as error:
                raise self._unavailable(error) from error
            self._signed_in = time.monotonic()

    async def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request; backpressure is waited out (a few seconds), an ended session is renewed once.

        Raises:
            EngineUnavailableError: nobody answers there.
            JobGoneError: 404.
            EngineError: any other refusal, in the API's own words.
        """
        if not self._signed_in:
            await self.sign_in(older_than=0)
        for attempt in range(_BUSY_ATTEMPTS):
            answer = await self._send_signed_in(method, path, body)
            if answer.status_code not in _BUSY:
                break
            await asyncio.sleep(0.05 * (1 + attempt / 3) * (0.5 + random.random()))  # noqa: S311
        if answer.is_error:
            raise self._refusal(method, path, answer)
        return answer

    async def _send_signed_in(self, method: str, path: str, body: Any) -> httpx.Response:
        started = time.monotonic()
        answer = await self._send(method, path, body)
        if answer.status_code in _REFUSED:
            await self.sign_in(older_than=started)
            answer = await self._send(method, path, body)
        return answer

    async def _send(self, method: str, path: str, body: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: httpx.HTTPError) -> EngineUnavailableError:
        return EngineUnavailableError(
            f"No engine answers at {self.address} ({type(error).__name__}: {error}).",
            "Check SLUIS_REST_ADDRESS, or start an engine with `sluis up`.",
        )

    def _refusal(self, method: str, path: str, answer: httpx.Response) -> EngineError:
        text = f"{method} {self.address}{path}: {answer.status_code} {_detail(answer)}".strip()
        if answer.status_code == _GONE:
            return JobGoneError(text)
        if answer.status_code in _BUSY:
            return EngineBusyError(text, "Try again in a moment.")
        return EngineError(text)


def _detail(answer: httpx.Response) -> str:
    """The API's own sentence: ``detail`` of a problem document, else the start of the text."""
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:200]
    if not isinstance(problem, dict):
        return ""
    return str(problem.get("detail") or problem.get("message") or problem.get("error") or "")
