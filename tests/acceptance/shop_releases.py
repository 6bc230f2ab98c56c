"""An application that serves itself, its releases, and what its hosts answer."""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from backports import tarfile

from served import Served

SERVE = """
import os, sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
if os.environ["PORT"] in {bad!r}:
    sys.exit("this release does not start here")
HTTPServer(("", int(os.environ["PORT"])), SimpleHTTPRequestHandler).serve_forever()
"""
PORTS = {"dev": "8081", "staging": "8082", "production": "8083"}
HOSTS = {"dev": 1, "staging": 1, "production": 2}


@dataclass(frozen=True)
class Shop:
    """One application in a served project."""

    project: Served
    name: str

    def pack(self, version: str, *bad: str) -> tuple[str, str]:
        """A release that does not start in the stages that are named; its address and digest."""
        folder = self.project.folder / "releases"
        folder.mkdir(exist_ok=True)
        path = folder / f"{self.name}-{version}.tar.gz"
        if not path.exists():
            files = {"serve.py": SERVE.format(bad=[PORTS[stage] for stage in bad]), "health": f"{version}\n"}
            with tarfile.open(path, "w:gz") as archive:
                for name, text in files.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(text)
                    archive.addfile(entry, io.BytesIO(text.encode()))
        return f"./releases/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest()

    def release(self, version: str, *bad: str, **more: str) -> int:
        """Ask for a release as demo; returns the instance."""
        source, digest = self.pack(version, *bad)
        texts = {"application": self.name, "version": version, "source": source, "digest": digest, **more}
        variables = [word for name, text in texts.items() for word in ("--var", f"{name}={text}")]
        return int(self.project.data_of("start", "DeploymentPipeline", "--as", "demo", *variables)["instance"])

    def approve(self, instance: int, times: int = 1) -> None:
        """Approve, as act, what waits next, so many times."""
        for _ in range(times):
            done = self.project.cli("approve", str(instance), "--as", "act", "--wait", "400", "--yes", seconds=500)
            assert done.returncode == 0, done.stderr

    def runs_in(self, stage: str) -> list[str]:
        """The version that each host of a stage says it runs."""
        hosts = self.project.data_of("stack", "show", f"{stage}/{self.name}")["record"]["hosts"]
        return [_health(host["address"], PORTS[stage]) for host in hosts]

    def serves(self, versions: dict[str, str]) -> None:
        """Each stage runs that version on all its hosts, which are as many as the environment file says."""
        assert {stage: self.runs_in(stage) for stage in versions} == {
            stage: [version] * HOSTS[stage] for stage, version in versions.items()
        }


def subjects(happenings: list[dict[str, Any]]) -> str:
    """What people were told, as one text."""
    return str([h for h in happenings if h["happening"] == "step-ended"])


def _health(address: str, port: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}:{port}/health", timeout=10) as answer:
            return answer.read().decode().strip()
    except urllib.error.URLError as error:
        return str(error)
