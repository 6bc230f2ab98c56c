"""Artefacts from a folder, a TLS server and a git repository: only from where the environment allows, only as named."""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from workers.core.environment import Artifacts, ArtifactSource
from workers.core.errors import DeniedError, ToolError, UsageError
from workers.execution.artifacts import Fetcher, Wanted, shown_name

CONTENT = b"a release\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetcher(project: Path, *prefixes: str, token: str | None = None, megabytes: int = 1) -> Fetcher:
    """A fetcher of an environment that allows these places."""
    sources = tuple(ArtifactSource(prefix=prefix, token=token) for prefix in prefixes)
    return Fetcher(Artifacts(sources=sources, max_megabytes=megabytes), project, lambda name: f"value of {name}")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A release in the project's own folder."""
    (tmp_path / "releases").mkdir()
    file = tmp_path / "releases" / "shop-1.tar.gz"
    file.write_bytes(CONTENT)
    return file


@dataclass
class Shelf:
    """A TLS server, what it has, and what it was asked with."""

    address: str
    pages: dict[str, tuple[int, bytes | str]] = field(default_factory=dict)
    tokens: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A real server with a certificate that is trusted here."""
    authority, found = trustme.CA(), Shelf("")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("no_proxy", "localhost")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = found.pages.get(self.path, (404, b""))
            found.tokens.append((self.path, self.headers.get("Authorization", "")))
            self.send_response(status)
            if isinstance(body, str):
                self.send_header("Location", body)
            self.end_headers()
            if isinstance(body, bytes):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found.address = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    command = ("git", "-C", str(folder), *who, *words)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> tuple[str, str]:
    """A repository and its commit."""
    folder = tmp_path / "git" / "shop"
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "index.html").write_text("one")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return f"git+file://{folder}", git(folder, "rev-parse", "HEAD")


async def test_a_file_comes_as_it_is(tmp_path: Path, shop: Path) -> None:
    """From the project's folder and by its whole address, under a prefix and as the one address that is allowed."""
    for prefix in ("./releases/", "./releases/shop-1.tar.gz", f"file://{shop.parent}/"):
        for source in ("./releases/shop-1.tar.gz", f"file://{shop}"):
            assert await fetcher(tmp_path, prefix).fetch(Wanted(source, SHA256)) == CONTENT


@pytest.mark.parametrize(
    "source",
    [
        "./releases/../secrets/key", "./releases/%2e%2e/secrets/key", "./releases/a%252e/key", "./releases/\\key",
        "./secrets/key", "./releasesx/key", "https://localhost/releases/key", "ftp://localhost/x", "http://localhost/x",
        "/etc/passwd", "--upload-pack=id", "git+ssh://-oProxyCommand=id/x", "https://user:word@localhost/x", "",
    ],
)  # fmt: skip
async def test_other_places_are_refused(tmp_path: Path, shop: Path, source: str) -> None:
    """What lies outside of the allowed prefix, however it is spelt, is refused before anything is asked."""
    digest = "a" * (40 if source.startswith("git+") else 64)
    with pytest.raises((DeniedError, UsageError)):
        await fetcher(tmp_path, "./releases/").fetch(Wanted(source, digest))


async def test_nothing_is_allowed_by_default(tmp_path: Path, shop: Path) -> None:
    """An environment that names no source allows none."""
    with pytest.raises(DeniedError, match="it allows: none"):
        await fetcher(tmp_path).fetch(Wanted("./releases/shop-1.tar.gz", SHA256))


async def test_a_link_out_of_the_allowed_folder_is_refused(tmp_path: Path, shop: Path) -> None:
    """A link is followed only to where the environment allows."""
    (tmp_path / "key").write_bytes(CONTENT)
    (shop.parent / "link").symlink_to(tmp_path / "key")
    with pytest.raises(DeniedError, match="link"):
        await fetcher(tmp_path, "./releases/").fetch(Wanted("./releases/link", SHA256))


async def test_another_content_is_refused(tmp_path: Path, shop: Path) -> None:
    """A file that is not what was named is not used; both digests are said."""
    with pytest.raises(UsageError, match=f"{SHA256}, not {'a' * 64}"):
        await fetcher(tmp_path, "./releases/").fetch(Wanted("./releases/shop-1.tar.gz", "a" * 64))


@pytest.fixture
def large(shop: Path) -> Path:
    """A release of two megabytes."""
    shop.with_name("large").write_bytes(b"x" * (2 << 20))
    return shop.with_name("large")


async def test_too_large_a_file_is_refused(tmp_path: Path, shelf: Shelf, large: Path) -> None:
    """The limit counts for files and for what a server sends, whatever it says of the length."""
    shelf.pages["/a/large"] = (200, b"x" * (2 << 20))
    digest = hashlib.sha256(b"x" * (2 << 20)).hexdigest()
    for source in (f"./releases/{large.name}", f"{shelf.address}/a/large"):
        with pytest.raises(UsageError, match="more than 1 MB"):
            await fetcher(tmp_path, "./releases/", f"{shelf.address}/a/").fetch(Wanted(source, digest))


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "main", "a" * 40])
async def test_a_digest_has_its_form(tmp_path: Path, shop: Path, digest: str) -> None:
    """A file is named by a whole SHA-256, and by nothing that moves."""
    with pytest.raises(UsageError, match="SHA-256"):
        await fetcher(tmp_path, "./releases/").fetch(Wanted("./releases/shop-1.tar.gz", digest))


async def test_a_server_is_asked_with_its_token(tmp_path: Path, shelf: Shelf) -> None:
    """Over TLS, with the token of the prefix; being sent on within the prefix is followed."""
    shelf.pages |= {"/a/new": (302, "/a/shop"), "/a/shop": (200, CONTENT)}
    found = fetcher(tmp_path, f"{shelf.address}/a/", token="secret://env/TOKEN")
    assert await found.fetch(Wanted(f"{shelf.address}/a/new", SHA256)) == CONTENT
    assert shelf.tokens == [(path, "Bearer value of secret://env/TOKEN") for path in ("/a/new", "/a/shop")]


async def test_a_server_cannot_send_us_elsewhere(tmp_path: Path, shelf: Shelf) -> None:
    """A redirection to a place that is not allowed is not followed, and the token does not go there."""
    shelf.pages |= {"/a/new": (302, f"{shelf.address}/b/shop"), "/b/shop": (200, CONTENT)}
    with pytest.raises(DeniedError):
        await fetcher(tmp_path, f"{shelf.address}/a/", token="secret://env/T").fetch(
            Wanted(f"{shelf.address}/a/new", SHA256)
        )
    assert [path for path, _ in shelf.tokens] == ["/a/new"]


async def test_what_a_server_does_not_have_may_be_asked_for_again(tmp_path: Path, shelf: Shelf) -> None:
    """An answer other than 200 is the server's trouble: the job is tried again."""
    with pytest.raises(ToolError, match="404"):
        await fetcher(tmp_path, f"{shelf.address}/a/").fetch(Wanted(f"{shelf.address}/a/none", SHA256))


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is verified."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ToolError, match="no answer"):
        await fetcher(tmp_path, f"{shelf.address}/a/").fetch(Wanted(f"{shelf.address}/a/shop", SHA256))


async def test_a_commit_gives_the_same_bytes_each_time(tmp_path: Path, repository: tuple[str, str]) -> None:
    """The archive of a commit is reproducible, so its digest says what is rolled out."""
    source, commit = repository
    allowed = fetcher(tmp_path, f"git+file://{tmp_path}/git/")
    first = await allowed.fetch(Wanted(source, commit))
    assert first == await allowed.fetch(Wanted(source, commit))
    assert b"index.html" in first
    assert b"index.html" in await allowed.fetch(Wanted(source, commit, "web"))


async def test_a_branch_is_no_commit(tmp_path: Path, repository: tuple[str, str]) -> None:
    """What moves cannot be named; a commit that is not there fails, and another folder is not reached."""
    source, commit = repository
    allowed = fetcher(tmp_path, f"git+file://{tmp_path}/git/")
    with pytest.raises(UsageError, match="commit"):
        await allowed.fetch(Wanted(source, "main"))
    with pytest.raises(ToolError):
        await allowed.fetch(Wanted(source, "a" * 40))
    with pytest.raises(UsageError, match="folder"):
        await allowed.fetch(Wanted(source, commit, "../other"))
    with pytest.raises(DeniedError):
        await fetcher(tmp_path, f"file://{tmp_path}/").fetch(Wanted(source, commit))


def test_a_name_for_people_is_the_last_part() -> None:
    """Without query and trailing slash."""
    assert shown_name("https://x/y/shop-1.tar.gz?sig=a/b") == "shop-1.tar.gz"
    assert shown_name("git+https://x/shop/") == "shop"
    assert os.sep not in shown_name("./releases/shop")
