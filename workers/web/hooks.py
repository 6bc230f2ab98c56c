"""A push or a pull request starts a process: GitHub's webhook, believed by its signature only."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from workers.core.errors import SluisError
from workers.web.access import TOKEN, Person
from workers.web.guard import address_of
from workers.web.pages import need_to_start
from workers.web.site import Site

_MOST_BYTES = 5_000_000
_EVENTS = ("push", "pull_request")
_DELIVERY = re.compile(r"[0-9a-fA-F-]{8,64}")


@dataclass(frozen=True)
class Hook:
    """What a webhook does.

    Attributes:
        secret: shared with GitHub.
        process: the process that a delivery starts.
        variables: texts for its start form.
    """

    secret: str
    process: str
    variables: Mapping[str, str] = field(default_factory=dict)


def hook_routes(site: Site, hook: Hook) -> APIRouter:
    """The routes of this module. Who asks is ``token:github``, which needs the role operator like any machine."""
    routes = APIRouter(tags=["hooks"])
    person = Person(f"{TOKEN}github", "token")

    @routes.post("/api/hooks/github", summary="A push or pull request, signed by GitHub", status_code=202)
    async def github(request: Request) -> dict[str, Any]:
        site.guard.limit(site.guard.writes, f"hook {address_of(request)}")
        _check(hook, await _body(request), request.headers.get("X-Hub-Signature-256", ""))
        if request.headers.get("X-GitHub-Event") not in _EVENTS:
            return {"started": None}
        delivery = request.headers.get("X-GitHub-Delivery", "")
        if not _DELIVERY.fullmatch(delivery):
            raise HTTPException(400, "The delivery has no id.")
        need_to_start(site, person, hook.variables.get("environment"))
        if not await site.context.store.create(f"hooks/{delivery}", b""):
            return {"started": None}  # the same delivery again
        try:
            return {"started": await site.desk.start(person, hook.process, hook.variables, {})}
        except SluisError:
            await site.context.store.delete(f"hooks/{delivery}")  # GitHub may deliver it again
            raise

    return routes


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise HTTPException(413, "The delivery is too large.")
    return bytes(content)


def _check(hook: Hook, body: bytes, signature: str) -> None:
    wanted = "sha256=" + hmac.digest(hook.secret.encode(), body, "sha256").hex()
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise HTTPException(401, "The signature does not fit.")
