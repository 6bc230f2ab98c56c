"""A server that speaks Slack's Web API and checks what it gets, and clicks signed as Slack signs them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

TOKEN = "xoxb-for-tests"
SECRET = "signing-secret-for-tests"
METHODS = {
    "/chat.postMessage": {"channel", "text", "blocks"},
    "/chat.update": {"channel", "ts", "text", "blocks"},
    "/chat.postEphemeral": {"channel", "user", "text"},
    "/views.open": {"trigger_id", "view"},
}


@dataclass
class FakeSlack:
    """What was called, in order, and where the server is."""

    address: str = ""
    calls: list[tuple[str, dict]] = field(default_factory=list)
    failing: dict[str, str] = field(default_factory=dict)

    def of(self, method: str) -> list[dict]:
        """The calls of one method."""
        return [arguments for name, arguments in self.calls if name == f"/{method}"]

    def answer(self, path: str, token: str, arguments: dict) -> dict:
        """What Slack says to a call."""
        if token != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        if path not in METHODS or {*arguments} != METHODS[path]:
            return {"ok": False, "error": "invalid_arguments"}
        if path in self.failing:
            return {"ok": False, "error": self.failing[path]}
        if problem := _block_problem(arguments.get("blocks", [])):
            return {"ok": False, "error": problem}
        self.calls.append((path, arguments))
        return {"ok": True, "channel": arguments.get("channel"), "ts": f"1700000000.{len(self.calls):06d}"}


def _block_problem(blocks: list[dict]) -> str:
    texts = [b["text"] for b in blocks if b["type"] == "section"]
    buttons = [e for b in blocks if b["type"] == "actions" for e in b["elements"]]
    if any(not 0 < len(t["text"]) <= 3000 for t in texts) or any(len(b["value"]) > 2000 for b in buttons):
        return "invalid_blocks"
    return "invalid_blocks" if len({b["action_id"] for b in buttons}) != len(buttons) else ""


@contextmanager
def fake_slack() -> Iterator[FakeSlack]:
    """The server, for the time of the block."""
    slack = FakeSlack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(slack.answer(self.path, self.headers["Authorization"], arguments)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    slack.address = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield slack
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def button(action: str, change: str, user: str = "U1ACT") -> dict:
    """A click on a button."""
    return {
        "type": "block_actions", "user": {"id": user}, "team": {"id": "T1"}, "channel": {"id": "C1"},
        "trigger_id": "trigger-1", "actions": [{"action_id": action, "value": change}],
    }  # fmt: skip


def submission(form: dict, reason: str, user: str = "U1ACT") -> dict:
    """The form for a reason, filled in and sent."""
    block = form["blocks"][0]
    values = {block["block_id"]: {block["element"]["action_id"]: {"value": reason}}}
    view = {**{k: form[k] for k in ("callback_id", "private_metadata")}, "state": {"values": values}}
    return {"type": "view_submission", "user": {"id": user}, "team": {"id": "T1"}, "view": view}


def signed(payload: dict, secret: str = SECRET, age: float = 0, salt: str = "") -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request as Slack sends it."""
    body = urlencode({"payload": json.dumps({**payload, "salt": salt})})
    moment = str(int(time.time() - age))
    signature = SignatureVerifier(secret).generate_signature(timestamp=moment, body=body)
    kind = "application/x-www-form-urlencoded"
    return body.encode(), {
        "X-Slack-Request-Timestamp": moment, "X-Slack-Signature": str(signature), "Content-Type": kind,
    }  # fmt: skip
