"""The small decisions of set-up: versions, digests, mirrors, sizes, findings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from workers.core.errors import MissingToolError
from workers.core.settings import Settings
from workers.service.machine import HOST_IMAGE, host_variables
from workers.setup import State, debian, doctor, human_size, scanners
from workers.setup.debian import host_image, mirror_in
from workers.setup.progress import Quiet
from workers.setup.providers import cli_config, ensure_providers, mirror_config
from workers.setup.tofu import digest_of, find_tofu, probe

DEB822 = """\
Types: deb
URIs: http://deb.example.org/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://deb.example.org/debian-security
Suites: bookworm-security
"""


def program(path: Path, output: str) -> Path:
    """A program that prints something."""
    path.write_text(f"#!/bin/sh\ncat <<'EOF'\n{output}\nEOF\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (8_200, "8.2 kB"), (299_201_896, "299.2 MB"), (2 * 10**9, "2.0 GB")]
)
def test_sizes_are_readable(size: int, text: str) -> None:
    """Sizes are shown in the unit that people read."""
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        (DEB822, "http://deb.example.org/debian"),
        ("deb [signed-by=/k] http://a.example/debian bookworm main\n", "http://a.example/debian"),
        ("deb http://a.example/debian trixie main\n", ""),
        ("# deb http://a.example/debian bookworm main\n", ""),
        ("Types: deb\nURIs: https://a.example/node\nSuites: nodistro\n", ""),
    ],
)
def test_the_mirror_is_that_of_the_release(text: str, mirror: str) -> None:
    """The mirror is found in both formats of apt sources, and only where it serves the release."""
    assert mirror_in(text) == mirror


def test_a_release_without_this_machine_is_said() -> None:
    """A list of digests that does not name the archive is an error that names it; one that does gives its digest."""
    sums = "aa  tofu_linux_amd64.zip\nbb *tofu_darwin_arm64.zip\n"
    assert digest_of(sums, "tofu_darwin_arm64.zip") == "bb"
    with pytest.raises(MissingToolError, match=r"tofu_plan9_386\.zip"):
        digest_of(sums, "tofu_plan9_386.zip")


async def test_a_cache_that_was_copied_serves_providers_from_where_it_is_now(tmp_path: Path) -> None:
    """The CLI configuration names the mirror by its path, and so is written anew where that is another one."""
    settings = Settings(cache=tmp_path / "copied")
    config = mirror_config(settings)
    config.parent.mkdir(parents=True)
    config.write_text(cli_config(Path("/home/somebody/else")))
    assert await ensure_providers(settings, Quiet()) == config
    assert f'path    = "{config.parent}"' in config.read_text()


def test_a_mirror_path_is_data() -> None:
    """A folder whose name looks like HCL does not become HCL."""
    config = cli_config(Path('/c/${x}"y'))
    assert r'path    = "/c/$${x}\"y"' in config


async def test_a_terraform_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """Terraform 1.5 is refused with the version that is needed."""
    old = program(tmp_path / "terraform", '{"terraform_version": "1.5.7"}')
    with pytest.raises(MissingToolError, match=r"version 1\.5\.7; 1\.6 or newer"):
        await probe(old)


async def test_the_version_is_read_after_a_warning(tmp_path: Path) -> None:
    """A warning in front of the version does not hide it, and a pre-release counts as its version."""
    path = program(tmp_path / "tofu", 'Warning: no file\n{\n "terraform_version": "1.12.6-dev"\n}')
    tofu = await probe(path)
    assert (tofu.version, tofu.flavor) == ("1.12.6-dev", "tofu")


async def test_a_setting_that_names_no_program_is_named(tmp_path: Path) -> None:
    """SLUIS_TOFU that names nothing is an error, not a reason to take another program."""
    with pytest.raises(MissingToolError, match=r"SLUIS_TOFU is '/nowhere/tofu'"):
        await find_tofu(Settings(tofu="/nowhere/tofu", cache=tmp_path))


async def test_the_doctor_downloads_nothing(tmp_path: Path) -> None:
    """On an empty cache the doctor says what is missing and what it costs to get, and leaves the cache empty."""
    settings = Settings(cache=tmp_path / "cache", tofu="/nowhere/tofu", tofu_cli_config="/some/tofurc")
    findings = {finding.name: finding for finding in await doctor(settings)}
    assert findings["Camunda 8.6.0"].state is State.WARNING
    assert "367.8 MB" in findings["Camunda 8.6.0"].hint
    assert findings["OpenTofu"].state is State.MISSING
    assert "SLUIS_TOFU" in findings["OpenTofu"].detail
    assert not (tmp_path / "cache").exists()


async def test_the_doctor_asks_for_no_engine_that_is_elsewhere(tmp_path: Path) -> None:
    """With an external engine nothing is said about Camunda, Java or memory."""
    settings = Settings(cache=tmp_path, engine="external", tofu="/nowhere/tofu", tofu_cli_config="/some/tofurc")
    names = {finding.name for finding in await doctor(settings)}
    assert names.isdisjoint({"Camunda 8.6.0", "Java", "Memory"})


@pytest.mark.parametrize("program_name", ["debootstrap", "ip", "iptables"])
def test_no_machine_is_made_from_an_image_that_could_not_reach_out(
    program_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image of before does not count where a program that its machines need is not there; the reason names it."""
    monkeypatch.delenv(HOST_IMAGE, raising=False)
    monkeypatch.setattr(debian.sys, "platform", "linux")
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian.shutil, "which", lambda name: None if name == program_name else f"/usr/sbin/{name}")
    settings = Settings(cache=tmp_path, data=tmp_path / "data")
    image = host_image(settings)
    image.parent.mkdir(parents=True)
    image.touch()
    assert program_name in debian.missing()
    assert HOST_IMAGE not in host_variables(settings)
    assert asyncio.run(debian.ensure_host_image(settings, Quiet())) is None


async def test_a_scanner_whose_python_has_gone_is_missing_and_then_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment outlives the Python that it was made with, by an upgrade; it is no use then."""
    settings = Settings(cache=tmp_path)
    python = tmp_path / "checkov" / scanners.CHECKOV_VERSION / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(tmp_path / "gone")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="checkov is not on this machine"):
        scanners.scanner_command(settings, "checkov")

    async def make(argv: list[object]) -> None:
        if argv[1:3] == ["-m", "venv"]:
            made = Path(str(argv[3])) / "bin" / "python"
            made.parent.mkdir(parents=True)
            program(made, "new")

    monkeypatch.setattr(scanners, "run", make)
    await scanners._ensure_checkov(settings, Quiet())
    assert scanners.scanner_command(settings, "checkov") == (str(python), "-m", "checkov.main")
    assert not python.is_symlink()


def test_programs_of_a_machine_without_root_are_looked_for_where_they_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role does not ask the user's PATH for nginx, the module does for sshd: so does the look beforehand."""
    for name in ("nginx", "sshd"):
        program(tmp_path / name, "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "_NGINX", "/nonexistent")
    monkeypatch.setattr(debian, "_SSHD", "/nonexistent")
    assert debian.user_level_missing() == {"nginx": "nginx-light"}
