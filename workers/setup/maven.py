"""Downloads from Maven Central, checked against recorded digests."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests

from workers.core.errors import MissingToolError
from workers.setup.cache import check_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workers.setup.manifest import Artifact
    from workers.setup.progress import Progress

_AT_ONCE = 8
_ATTEMPTS = 3
_TIMEOUT = 30


class Download:
    """Downloads a list of artifacts, several at once, and reports the sum of their bytes.

    Args:
        step: the name to report under.
        artifacts: what to download.
        folder: where to; a Maven repository layout is made in it.
        progress: whom to tell.
        repository: the address of another Maven repository than Maven Central.
    """

    def __init__(
        self, step: str, artifacts: tuple[Artifact, ...], folder: Path, progress: Progress, *, repository: str = ""
    ) -> None:
        self._step = step
        self._artifacts = artifacts
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - only the embedded engine needs it

        resolver = PythonResolver(progress_callback=self._file)
        self._context = MavenContext(resolver=resolver, repo_cache=folder, local_repos=[], timeout=_TIMEOUT)
        if repository:
            self._context.remote_repos = {"repository": repository}

    async def run(self) -> list[Path]:
        """Download and check everything; the files, in the order of the artifacts.

        Raises:
            MissingToolError: no route, or a file that is not the one that was meant.
        """
        self._progress.started(self._step, sum(artifact.size for artifact in self._artifacts))
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return list(await asyncio.gather(*(loop.run_in_executor(pool, self._get, a) for a in self._artifacts)))
            except BaseException:
                self._cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _get(self, artifact: Artifact) -> Path:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                path = self._fetch(artifact)
            except (requests.RequestException, RuntimeError) as error:
                if attempt == _ATTEMPTS or self._cancelled.is_set():
                    raise _unreachable(artifact, error) from error
                time.sleep(attempt)
            else:
                check_digest(path, artifact.sha256)
                return path
        raise AssertionError("the loop returns or raises")

    def _fetch(self, artifact: Artifact) -> Path:
        component = self._context.project(artifact.group, artifact.name).at_version(artifact.version)
        wanted = component.artifact(packaging=artifact.packaging)
        if wanted.cached_path is not None:
            wanted.cached_path.unlink(missing_ok=True)  # half a file of an attempt that broke off
        path: Path = wanted.resolve()
        return path

    @contextmanager
    def _file(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        seen = 0

        def advance(count: int) -> None:
            nonlocal seen
            if self._cancelled.is_set():
                raise RuntimeError("cancelled")
            seen += count
            self._advance(count)

        try:
            yield advance
        except BaseException:
            self._advance(-seen)
            raise

    def _advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._progress.advanced(self._step, self._done)


def _unreachable(artifact: Artifact, error: Exception) -> MissingToolError:
    return MissingToolError(
        f"{artifact.group}:{artifact.name}:{artifact.version} could not be downloaded from Maven Central: {error}",
        "Check the network and, behind a proxy, HTTPS_PROXY and REQUESTS_CA_BUNDLE; then try again.",
    )
