"""Fetching an artefact: from an allowed place only, no larger than allowed, and with the digest that was named.

An address is ``https://…``, ``file:///…`` or ``./…`` (below the project folder) for a file, which is held to its
SHA-256; ``git+https://…``, ``git+ssh://…`` or ``git+file:///…`` for the content of a repository at a commit, which git
itself holds to the commit's id.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from workers.core.environment import Artifacts, ArtifactSource
from workers.core.errors import DeniedError, ToolError, UsageError
from workers.core.values import digest_bytes
from workers.execution.git import archive_of

_ADDRESS: Final = re.compile(r"(https|file|git\+https|git\+ssh|git\+file)://[^\s\"'\\#\x00-\x1f\x7f]+")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_FOLDER: Final = re.compile(r"([\w.-]+(/[\w.-]+)*)?")
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MOST_HOPS: Final = 5
_PIECE: Final = 64 * 1024
_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """An artefact as a process names it.

    Attributes:
        source: the address.
        digest: the SHA-256 of the file, or the commit of the repository.
        folder: of the repository; empty for all of it.
    """

    source: str
    digest: str
    folder: str = ""

    @property
    def is_git(self) -> bool:
        """Whether it is the content of a repository."""
        return self.source.startswith("git+")


@dataclass(frozen=True)
class Fetcher:
    """Fetches what an environment allows.

    Args:
        allowed: places and size, as the environment file says.
        project: the project folder.
        secret: resolves a reference.
        seconds: how long the whole transfer may take.
    """

    allowed: Artifacts
    project: Path
    secret: Callable[[str], str]
    seconds: float = 600

    def check(self, wanted: Wanted) -> str:
        """The full address of an artefact that may be fetched.

        Raises:
            UsageError: address, digest or folder cannot be used.
            DeniedError: the environment does not allow the place.
        """
        pattern, what = (_COMMIT, "commit, 40") if wanted.is_git else (_SHA256, "SHA-256, 64")
        if not pattern.fullmatch(wanted.digest):
            raise UsageError(
                f"'{wanted.digest[:80]}' is not a {what} hexadecimal digits.", f"It is for {wanted.source}."
            )
        if wanted.folder and (not wanted.is_git or not _FOLDER.fullmatch(wanted.folder) or ".." in wanted.folder):
            raise UsageError(f"'{wanted.folder[:80]}' is no folder of a git repository.", "E.g. services/shop.")
        address = self._full(wanted.source)
        self._source_of(address)
        return address

    async def fetch(self, wanted: Wanted) -> bytes:
        """The content, checked: the file, or a tar archive of the commit.

        Raises:
            UsageError: as `check`; or the content is not what was named, or too large.
            DeniedError: as `check`; also for where the server sends us on to.
            ToolError: the server or git did not give it.
        """
        address = self.check(wanted)
        if wanted.is_git:
            content = await self._repository(address, wanted)
        elif address.startswith("file:"):
            content = await asyncio.to_thread(self._file, address)
        else:
            content = await self._download(address)
        if not wanted.is_git and (got := digest_bytes(content)) != wanted.digest:
            raise UsageError(f"{wanted.source} has the SHA-256 {got}, not {wanted.digest}.", "It is not used.")
        return content

    def _full(self, address: str) -> str:
        if address.startswith("./"):
            address = f"file://{self.project.resolve()}/{address[2:]}"
        path = unquote(urlsplit(address).path) if _ADDRESS.fullmatch(address) else "/.."
        if {".", ".."} & set(path.split("/")) or "\\" in path or "%" in path or "://-" in address:
            hint = "It begins with https, file, git+https, git+ssh or git+file and ://, or with ./, and has no '..'."
            raise UsageError(f"'{address[:200]}' is not an address of an artefact.", hint)
        parts = urlsplit(address)
        if (parts.scheme != "git+ssh" and "@" in parts.netloc) or ":" in parts.netloc.rpartition("@")[0]:
            raise UsageError("The address of an artefact holds a user or password.", "Give a token to its prefix.")
        return address.replace(f"://{parts.netloc}", f"://{parts.netloc.lower()}", 1)

    def _source_of(self, address: str) -> ArtifactSource:
        for source in self.allowed.sources:
            prefix = self._full(source.prefix)
            if address == prefix or (prefix.endswith("/") and address.startswith(prefix)):
                return source
        known = ", ".join(source.prefix for source in self.allowed.sources) or "none"
        raise DeniedError(f"The environment allows no artefacts from {address} (it allows: {known}).")

    async def _repository(self, address: str, wanted: Wanted) -> bytes:
        address = address.removeprefix("git+")
        if address.startswith("file:"):
            self._real(address, f"git+{address}")
        with tempfile.TemporaryDirectory(prefix="sluis-artefact-") as scratch:
            content = await asyncio.to_thread(
                archive_of, address, wanted.digest, wanted.folder.strip("/"), Path(scratch) / "git"
            )
        self._fits(len(content), address)
        return content

    def _file(self, address: str) -> bytes:
        path = self._real(address, address)
        try:
            if not path.is_file():
                raise ToolError(f"{path} is not there, or no file.")
            self._fits(path.stat().st_size, address)
            return path.read_bytes()
        except OSError as error:
            raise ToolError(f"{path} cannot be read: {error.strerror}.") from error

    def _real(self, address: str, allowed_as: str) -> Path:
        """Where the address leads, once links are followed; that place must be allowed, too."""
        prefix = self._full(self._source_of(allowed_as).prefix).removeprefix("git+")
        path, root = (Path(unquote(urlsplit(a).path)).resolve() for a in (address, prefix))
        if not path.is_relative_to(root):
            raise DeniedError(f"{address} is a link to a place that the environment does not allow.")
        return path

    async def _download(self, address: str) -> bytes:
        try:
            async with asyncio.timeout(self.seconds), httpx.AsyncClient(timeout=30) as client:
                return await self._follow(client, address)
        except TimeoutError as error:
            raise ToolError(f"{address} did not come within {self.seconds:.0f} seconds.") from error
        except httpx.HTTPError as error:
            raise ToolError(f"{address}: no answer ({str(error) or type(error).__name__}).") from error

    async def _follow(self, client: httpx.AsyncClient, address: str) -> bytes:
        for _ in range(_MOST_HOPS):
            async with self._asked(client, address) as response:
                if response.status_code not in _REDIRECTS:
                    return await self._body(response, address)
                address = self._full(urljoin(address, response.headers.get("location", "")))
        raise ToolError(f"{address}: sent on more than {_MOST_HOPS} times.")

    @asynccontextmanager
    async def _asked(self, client: httpx.AsyncClient, address: str) -> AsyncIterator[httpx.Response]:
        token = self._source_of(address).token
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self.secret(token)}"} if token else {})
        async with client.stream("GET", address, headers=headers, follow_redirects=False) as response:
            yield response

    async def _body(self, response: httpx.Response, address: str) -> bytes:
        if response.status_code != httpx.codes.OK:
            raise ToolError(f"{address} answered {response.status_code} instead of 200.")
        content = bytearray()
        async for piece in response.aiter_raw(_PIECE):
            content += piece
            self._fits(len(content), address)
        return bytes(content)

    def _fits(self, size: int, address: str) -> None:
        if size > self.allowed.max_megabytes * _MEGABYTE:
            hint = "artifacts.max_megabytes in the environment file is the limit."
            raise UsageError(f"{address} holds more than {self.allowed.max_megabytes} MB.", hint)


def shown_name(source: str) -> str:
    """The last part of an address, for people."""
    return unquote(source.partition("?")[0].rstrip("/").rpartition("/")[2])[:100] or source[:100]
