"""A way for Tasklist to its own engine.

Tasklist 8.6 claims and completes a user task by calling the REST API of Zeebe without an account. In one process with
the profile ``auth`` that API asks for a sign-in, answers 401 or 403, and people see "Assigning…" for ever (measured).
This bridge listens on loopback, passes on calls to ``/v2/user-tasks/`` and nothing else, and signs in for them.
It records nothing of its own: who claims or completes is in the call that Tasklist makes for the signed-in person.
"""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx

_PATH: Final = re.compile(r"/v2/user-tasks/\d+(/(assignment|assignee|completion))?")
_USER: Final = "demo"  # exists in every embedded engine from the start
_MAX_BODY: Final = 4 * 1024 * 1024
_SECONDS: Final = 30.0


class TaskBridge:
    """Listens from the moment it is made.

    Args:
        rest_address: the engine's REST API.
    """

    def __init__(self, rest_address: str) -> None:
        self._session = _Session(rest_address)
        self._server = _Server(self._session)
        threading.Thread(target=self._server.serve_forever, name="task bridge", daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._session.client.close()


class _Session:
    """A signed-in client, shared by the server's threads."""

    def __init__(self, rest_address: str) -> None:
        self.client = httpx.Client(base_url=rest_address, trust_env=False, timeout=_SECONDS)
        self._lock = threading.Lock()
        self._token = ""

    def pass_on(self, method: str, path: str, body: bytes) -> httpx.Response:
        """Make the call; signed in anew where the engine has forgotten us."""
        answer = self._call(method, path, body)
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            self._sign_in()
            answer = self._call(method, path, body)
        return answer

    def _call(self, method: str, path: str, body: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json", "X-CSRF-TOKEN": self._token}
        return self.client.request(method, path, content=body, headers=headers)

    def _sign_in(self) -> None:
        with self._lock:
            answer = self.client.post("/api/login", params={"username": _USER, "password": _USER})
            self._token = answer.headers.get("X-CSRF-TOKEN", "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, session: _Session) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.session = session


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._pass_on()

    def do_PATCH(self) -> None:
        self._pass_on()

    def do_DELETE(self) -> None:
        self._pass_on()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Camunda's own log has the calls."""

    def _pass_on(self) -> None:
        body = self._body()
        if body is None or not _PATH.fullmatch(self.path):
            self._answer(HTTPStatus.NOT_FOUND, "application/json", b"{}")
            return
        try:
            answer = self.server.session.pass_on(self.command, self.path, body)
        except httpx.HTTPError as error:
            self._answer(HTTPStatus.BAD_GATEWAY, "text/plain", str(error).encode())
            return
        self._answer(answer.status_code, answer.headers.get("Content-Type", "application/json"), answer.content)

    def _body(self) -> bytes | None:
        """What was sent; None where that is more than any task needs."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length <= _MAX_BODY else None

    def _chunks(self) -> bytes | None:
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            if len(found) + size > _MAX_BODY:
                return None
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != HTTPStatus.NO_CONTENT:
            self.wfile.write(content)
