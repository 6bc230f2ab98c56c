"""Where Slack tells us of clicks. Nothing counts that the app's signing secret does not sign, or twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import JSONResponse, Response
from slack_sdk.signature import SignatureVerifier

from workers.core.errors import SluisError
from workers.core.records import Decision
from workers.people.slack_blocks import APPROVE, REASON, REJECT

_LONGEST: Final = 256 * 1024  # bytes


@dataclass(frozen=True)
class Click:
    """What somebody did in Slack.

    Attributes:
        environment: whose app it was.
        user: their Slack user id.
        team: their workspace.
        conversation: where they are told what came of it.
        change: what it is about.
        trigger: lets us open a form; empty where that is not possible.
        decision: what they said; none where they have to give a reason first.
    """

    environment: str
    user: str
    team: str
    conversation: str
    change: str
    trigger: str = ""
    decision: Decision = Decision.NONE
    reason: str = ""


class SlackDesk(Protocol):
    """What the endpoint asks of the rest of the worker."""

    def signing_secret(self, environment: str) -> str:
        """The secret of the environment's app.

        Raises:
            SluisError: there is no such environment, or it has no app.
        """
        ...

    async def first_time(self, signature: str) -> bool:
        """Whether a request of this signature has not been here before."""
        ...

    async def ask_reason(self, click: Click) -> None:
        """Open the form for the reason of a rejection."""
        ...

    async def decide(self, click: Click) -> None:
        """Take the decision, or tell the user why not."""
        ...


def slack_routes(desk: SlackDesk) -> APIRouter:
    """The endpoint ``/slack/<environment>``, which is the app's interactivity request URL."""
    router = APIRouter()

    @router.post("/slack/{environment}", include_in_schema=False)
    async def interaction(environment: str, request: Request, later: BackgroundTasks) -> Response:
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": "Too long."}, status_code=413)
        if not _signed(desk, environment, body, request):
            return JSONResponse({"error": "The signature is not right, or too old."}, status_code=401)
        if not await desk.first_time(request.headers["X-Slack-Signature"]):
            return JSONResponse({"error": "This request was here before."}, status_code=409)
        click = read_click(environment, body)
        if click is None:
            return Response()
        if click.decision is Decision.NONE:
            await desk.ask_reason(click)
        else:
            # Slack waits for three seconds; the engine may take longer.
            later.add_task(desk.decide, click)
        return Response(background=later)

    return router


def read_click(environment: str, body: bytes) -> Click | None:
    """What a signed request says; None where it is nothing that we asked for."""
    try:
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        if payload["type"] == "view_submission":
            return _submission(environment, payload)
        return _button(environment, payload) if payload["type"] == "block_actions" else None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


def _button(environment: str, payload: dict[str, Any]) -> Click | None:
    action = payload["actions"][0]
    decisions = {APPROVE: Decision.APPROVED, REJECT: Decision.NONE}
    if action["action_id"] not in decisions:
        return None
    return Click(
        environment, str(payload["user"]["id"]), str(payload["team"]["id"]), str(payload["channel"]["id"]),
        str(action["value"]), str(payload["trigger_id"]), decisions[action["action_id"]],
    )  # fmt: skip


def _submission(environment: str, payload: dict[str, Any]) -> Click | None:
    view = payload["view"]
    if view["callback_id"] != REJECT:
        return None
    about = json.loads(view["private_metadata"])
    reason = view["state"]["values"][REASON][REASON]["value"]
    return Click(
        environment, str(payload["user"]["id"]), str(payload["team"]["id"]), str(about["conversation"]),
        str(about["change"]), "", Decision.REJECTED, str(reason or ""),
    )  # fmt: skip


async def _body(request: Request) -> bytes | None:
    """What was sent; None where it is too long to be Slack's."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LONGEST:
            return None
    return bytes(content)


def _signed(desk: SlackDesk, environment: str, body: bytes, request: Request) -> bool:
    try:
        verifier = SignatureVerifier(desk.signing_secret(environment))
        return verifier.is_valid_request(body, {k: v for k, v in request.headers.items() if k.startswith("x-slack")})
    except (SluisError, ValueError):
        return False
