"""The cache: whole or nothing, once, and only what was meant."""

# ruff: noqa: ASYNC240 - the files of a test are at hand

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.core.errors import MissingToolError
from workers.setup.cache import Cache, check_digest, sha256

MAKER = """
import asyncio, sys, time
from pathlib import Path
from workers.setup.cache import Cache

async def make(target):
    with open(sys.argv[2], "a") as log:
        log.write("made\\n")
    await asyncio.sleep(0.3)
    target.write_text("whole")

path = asyncio.run(Cache(Path(sys.argv[1])).once("tool/1.0/tool", make))
assert path.read_text() == "whole"
"""


async def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """A thing in the cache is returned without making it a second time."""
    made = []

    async def make(target: Path) -> None:
        made.append(target)
        target.write_text("whole")

    first = await Cache(tmp_path).once("tool/1.0", make)
    second = await Cache(tmp_path).once("tool/1.0", make)
    assert first == second == tmp_path / "tool/1.0"
    assert len(made) == 1


async def test_a_failed_make_leaves_nothing(tmp_path: Path) -> None:
    """When making breaks off half-way, neither the thing nor its half is in the cache, and a retry succeeds."""

    async def broken(target: Path) -> None:
        target.mkdir()
        (target / "half").write_text("half")
        raise ConnectionError

    async def whole(target: Path) -> None:
        target.mkdir()

    cache = Cache(tmp_path)
    with pytest.raises(ConnectionError):
        await cache.once("tool/1.0", broken)
    assert not list(tmp_path.rglob("half"))
    assert not cache.path("tool/1.0").exists()
    assert (await cache.once("tool/1.0", whole)).is_dir()
    assert not list((tmp_path / "tool/1.0").iterdir())


async def test_a_cancelled_make_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C during a build leaves nothing in the cache."""
    began = asyncio.Event()

    async def slow(target: Path) -> None:
        target.write_text("half")
        began.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(Cache(tmp_path).once("tool/1.0", slow))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [path for path in tmp_path.rglob("*") if path.is_file() and ".locks" not in path.parts] == []


async def test_the_rest_of_a_killed_maker_is_removed(tmp_path: Path) -> None:
    """What a killed process left behind does not get into the next one's result."""
    rest = tmp_path / ".partial" / "tool--1.0"
    rest.mkdir(parents=True)
    (rest / "rest").write_text("old")

    async def make(target: Path) -> None:
        assert list(target.parent.iterdir()) == []
        target.mkdir()

    await Cache(tmp_path).once("tool/1.0", make)
    assert not rest.exists()


def test_processes_at_once_make_it_once(tmp_path: Path) -> None:
    """Of several processes that want the same thing at once, one makes it and the others wait for it."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", MAKER, str(tmp_path / "cache"), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    makers = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [maker.wait(timeout=30) for maker in makers] == [0] * 4
    assert log.read_text() == "made\n"


def test_another_digest_is_refused(tmp_path: Path) -> None:
    """A file with another digest than the recorded one is refused by name, and removed."""
    file = tmp_path / "engine.tar.gz"
    file.write_bytes(b"not what was meant")
    with pytest.raises(MissingToolError, match=r"engine\.tar\.gz has the SHA-256 digest .* expected 00"):
        check_digest(file, "00")
    assert not file.exists()


def test_the_digest_is_that_of_sha256(tmp_path: Path) -> None:
    """The digest is the SHA-256 of the content: FIPS 180-2 gives the value for "abc"."""
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(file) == expected
    check_digest(file, expected)
    assert file.exists()


async def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A cache folder in the way of a file is refused with the setting that moves it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingToolError, match="SLUIS_CACHE"):
        await Cache(tmp_path / "file").once("tool/1.0", lambda _: asyncio.sleep(0))
