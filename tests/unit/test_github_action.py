"""The step of GitHub Actions that starts a process, run as the runner runs it, against a server on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTION = Path(__file__).resolve().parents[2] / ".github" / "actions" / "sluis-start"
GIVEN = {"SLUIS_TOKEN": "secret", "SLUIS_PROCESS": "DeploymentPipeline", "SLUIS_VARIABLES": '{"version": "1"}'}


@dataclass
class Service:
    """A server, what it answers, and what it was asked."""

    address: str = ""
    status: int = 201
    asked: list[tuple[str, str | None, Any]] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    """A server that starts processes."""
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.path, self.headers["Authorization"], body))
            answer = {"instance": 42, "process": "DeploymentPipeline", "operate": "http://operate/42"}
            self.send_response(found.status)
            self.send_header("Location", f"{found.address}/elsewhere")
            self.end_headers()
            self.wfile.write(json.dumps(answer if found.status == 201 else {"error": "no\nsuch role"}).encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def step(folder: Path, url: str, **given: str) -> tuple[int, str, str]:
    """Run the step: exit code, what it says, its outputs."""
    outputs = folder / "outputs"
    environment = {**os.environ, **GIVEN, "SLUIS_URL": url, "GITHUB_OUTPUT": str(outputs), "no_proxy": "*", **given}
    command = [sys.executable, str(ACTION / "start.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr, outputs.read_text() if outputs.exists() else ""


def test_a_step_starts_the_process_and_gives_its_key(tmp_path: Path, service: Service) -> None:
    """The variables arrive as they are, whatever a branch is called; the token is in no output."""
    variables = json.dumps({"version": '1"; $(id) `id` {{ x }}\n'})
    code, said, outputs = step(tmp_path, f"{service.address}/", SLUIS_VARIABLES=variables)
    assert code == 0, said
    assert service.asked == [
        ("/api/processes/DeploymentPipeline", "Bearer secret", {"variables": json.loads(variables)})
    ]
    assert outputs == "instance=42\noperate=http://operate/42\n"
    assert "secret" not in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"SLUIS_URL": "http://sluis.example.com"}, "https://"),
        ({"SLUIS_URL": "http://127.0.0.1.example.com"}, "https://"),
        ({"SLUIS_PROCESS": "../runs"}, "'process'"),
        ({"SLUIS_VARIABLES": "{"}, "no JSON"),
        ({"SLUIS_VARIABLES": "[1]"}, "JSON object"),
    ],
)
def test_wrong_inputs_end_the_step(tmp_path: Path, service: Service, given: dict[str, str], words: str) -> None:
    """Nothing is sent, and the message names the input."""
    code, said, _ = step(tmp_path, **{"url": service.address, **given})
    assert code == 1
    assert said.startswith("::error::")
    assert words in said
    assert service.asked == []


@pytest.mark.parametrize("status", [403, 307])
def test_a_refusal_ends_the_step(tmp_path: Path, service: Service, status: int) -> None:
    """The worker's reason is shown in one line; the token is not carried elsewhere."""
    service.status = status
    code, said, outputs = step(tmp_path, service.address)
    assert (code, outputs, len(service.asked)) == (1, "", 1)
    assert f"not started: {status}" in said
    assert said.count("\n") == 1


def test_inputs_are_never_a_part_of_a_command() -> None:
    """Expressions of the workflow stand in the environment only, and each input has its meaning."""
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    [only] = action["runs"]["steps"]
    assert "${{" not in only["run"]
    assert set(only["env"].values()) == {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}
    assert all(given["description"] for given in action["inputs"].values())
