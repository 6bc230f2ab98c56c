"""A push or a pull request starts a process: GitHub's webhook, believed by its signature only."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from workers.core.errors import SluisError
from workers.web.access import TOKEN, Person
from workers.web.guard import address_of
from workers.web.pages import need_to_start
from workers.web.site import Site

_MOST_BYTES = 5_000_000
_DELIVERY = re.compile(r"[0-9a-fA-F-]{8,64}")
_FACT = re.compile(r"\{(\w+)\}")
_ACTIONS: Final = ("opened", "reopened", "synchronize")
_FORMS: Final = {
    "commit": re.compile(r"(?!0{40})[0-9a-f]{40}"),
    "ref": re.compile(r"refs(/[\w.+-]+){2,8}"),
    "name": re.compile(r"[\w.+-]{1,100}"),
    "repository": re.compile(r"[\w.-]+/[\w.-]+"),
}
"""What a fact of a delivery looks like; one that does not is none."""


@dataclass(frozen=True)
class Hook:
    """What a webhook does.

    Attributes:
        secret: shared with GitHub.
        process: the process that a delivery starts.
        variables: texts for its start form; ``{commit}``, ``{ref}``, ``{name}`` (the last part of the ref) and
            ``{repository}`` in them are those of the delivery.
        refs: patterns of refs that start it, e.g. ``refs/tags/v*``; that of a pull request is ``refs/pull/<number>``.
    """

    secret: str
    process: str
    variables: Mapping[str, str] = field(default_factory=dict)
    refs: tuple[str, ...] = ("*",)


def hook_routes(site: Site, hook: Hook) -> APIRouter:
    """The routes of this module. Who asks is ``token:github``, which needs the role operator like any machine."""
    routes = APIRouter(tags=["hooks"])
    person = Person(f"{TOKEN}github", "token")

    @routes.post("/api/hooks/github", summary="A push or pull request, signed by GitHub", status_code=202)
    async def github(request: Request) -> dict[str, Any]:
        site.guard.limit(site.guard.writes, f"hook {address_of(request)}")
        body = await _body(request)
        _check(hook, body, request.headers.get("X-Hub-Signature-256", ""))
        facts = _facts(request.headers.get("X-GitHub-Event", ""), body)
        if facts is None or not any(fnmatchcase(facts.get("ref", ""), pattern) for pattern in hook.refs):
            return {"started": None}
        delivery = request.headers.get("X-GitHub-Delivery", "")
        if not _DELIVERY.fullmatch(delivery):
            raise HTTPException(400, "The delivery has no id.")
        texts = {name: _filled(text, facts) for name, text in hook.variables.items()}
        need_to_start(site, person, hook.process, texts)
        if not await site.context.store.create(f"hooks/{delivery}", b""):
            return {"started": None}  # the same delivery again
        try:
            return {"started": await site.desk.start(person, hook.process, texts, {})}
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


def _facts(event: str, body: bytes) -> dict[str, str] | None:
    """What a push or pull request is about; None for what starts nothing.

    A deleted branch starts nothing, nor does a pull request from another repository: its author may be anybody.
    """
    try:
        content = json.loads(body)
    except ValueError as error:
        raise HTTPException(400, "The delivery is no JSON.") from error
    if not isinstance(content, dict):
        raise HTTPException(400, "The delivery is no JSON object.")
    if event == "push" and not content.get("deleted"):
        found = {"commit": content.get("after"), "ref": content.get("ref")}
    elif event == "pull_request" and content.get("action") in _ACTIONS and not _is_foreign(content):
        found = {"commit": _part(content, "pull_request", "head", "sha"), "ref": f"refs/pull/{content.get('number')}"}
    else:
        return None
    found |= {"name": str(found["ref"]).rpartition("/")[2], "repository": _part(content, "repository", "full_name")}
    return {name: str(value) for name, value in found.items() if _FORMS[name].fullmatch(str(value))}


def _is_foreign(content: Mapping[str, Any]) -> bool:
    home = _part(content, "repository", "full_name")
    return not home or _part(content, "pull_request", "head", "repo", "full_name") != home


def _part(content: Any, *path: str) -> Any:
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content


def _filled(text: str, facts: Mapping[str, str]) -> str:
    """The text with facts of the delivery in their places."""
    missing = [name for name in _FACT.findall(text) if name not in facts]
    if missing:
        raise HTTPException(400, f"The delivery does not say: {', '.join(missing)}.")
    return _FACT.sub(lambda found: facts[found[1]], text)
