"""The very steps of the Dockerfile, run without Docker in empty roots, and what comes out of it at work."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from dockerfile import Builder, command, inside, lend, read
from needs import missing
from workers.setup.tofu import TOFU_VERSION

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
STAGES = read(PROJECT / "Dockerfile")
FINAL = STAGES[-1]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian's root, of the release that the Dockerfile begins with."""
    if sys.platform != "linux" or os.geteuid() or not shutil.which("debootstrap") or not shutil.which("go"):
        missing("Linux, root, debootstrap and Go, to run the steps of the image")
    release = re.match(r"debian:(\w+)-slim@", FINAL.image)
    assert release, FINAL.image
    folder = tmp_path_factory.mktemp("debian")
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg", release[1],
         folder / "root"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    archive = folder / "root.tar"
    subprocess.run(["tar", "--create", "--file", archive, "--directory", folder / "root", "."], check=True)
    return archive


@pytest.fixture(scope="module")
def image(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root that the last stage leaves."""
    return Builder(PROJECT, tmp_path_factory.mktemp("image"), base).build(STAGES)


def say(image: Path, *argv: str) -> str:
    """What a program says, as the image's user on a file system that is frozen."""
    with inside(image, user=FINAL.last("USER"), frozen=True) as run:
        return run(argv, FINAL.environment())


def test_it_has_what_workers_need_and_no_compiler(image: Path) -> None:
    """Sluis, tofu, Ansible, git and ssh run without rights on a frozen file system; nothing can be built there."""
    assert TOFU_VERSION in say(image, "tofu", "version")
    assert "ansible-playbook" in say(image, "ansible-playbook", "--version")
    assert say(image, "git", "--version").startswith("git version")
    assert say(image, "sluis", "--version").strip()
    say(image, "sh", "-c", "ssh -V")
    for program in ("gcc", "go", "pip", "java"):
        say(image, "sh", "-c", f"! command -v {program}")
    say(image, "sh", "-c", "! touch /opt/sluis/x && ! touch /project/x && touch /data/x /tmp/x")


def test_its_project_is_whole(image: Path) -> None:
    """The models in the image fit the modules and roles in it."""
    say(image, "sluis", "--project", "/project", "check")


@pytest.fixture
def served(image: Path) -> Iterator[str]:
    """The image's own command, with nobody at the engine's address; the address of its web service."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = FINAL.environment() | {"SLUIS_WEB_PORT": str(port), "SLUIS_GRPC_ADDRESS": "127.0.0.1:9"}
    argv = [*FINAL.command("ENTRYPOINT"), *FINAL.command("CMD")]
    with (
        inside(image, user=FINAL.last("USER"), frozen=True),
        subprocess.Popen(command(image, argv, user=FINAL.last("USER"), frozen=True), env=lend(environment)) as process,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """As Docker stops a container: SIGTERM to its first process, then SIGKILL. What makes its room ends with it."""
    [first] = psutil.Process(process.pid).children()
    first.terminate()
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_its_command_serves_and_its_health_check_asks_the_right_place(served: str) -> None:
    """The worker comes up: record and tools are well, the engine that is not there is what it misses."""
    check = FINAL.command("HEALTHCHECK")
    assert "/api/health" in check[-1]
    deadline = time.monotonic() + 120
    found: dict[str, str] = {}
    while found.get("store") != "ok" or found.get("tools") != "ok":
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
        try:
            answer = httpx.get(f"{served}/api/health", timeout=5)
        except httpx.HTTPError:
            continue
        parts = answer.json()["components"]
        found = {name: str(parts[name]["status"]) for name in ("engine", "store", "tools")}
    assert answer.status_code == 503
    assert found["engine"] != "ok"
    again = check[-1].replace("http://127.0.0.1:8090", served)
    assert subprocess.run([sys.executable, *check[1:-1], again], capture_output=True, check=False).returncode != 0
