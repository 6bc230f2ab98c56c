"""The tools that set-up finds or gets, tried for what they are needed for."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from backports import tarfile

from workers.core.errors import SluisError
from workers.core.settings import Settings
from workers.setup import Quiet, Tofu, ensure_host_image, ensure_tofu
from workers.setup.debian import PACKAGES, missing

ROOT = """
terraform {
  required_providers {
    local = { source = "hashicorp/local", version = "~> 2.6" }
    time  = { source = "hashicorp/time", version = "~> 0.12" }
  }
}
data "local_command" "hello" {
  command = "echo"
  arguments = ["hello"]
}
output "hello" { value = data.local_command.hello.stdout }
"""


def lacking(reason: object) -> None:
    """Fail on CI, skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(f"missing on CI: {reason}")
    pytest.skip(f"missing: {reason}")


@pytest.fixture(scope="module")
def tofu() -> Tofu:
    """The program, from wherever this machine has it."""
    try:
        return asyncio.run(ensure_tofu(Settings(), Quiet()))
    except SluisError as error:
        lacking(error)
        raise


@pytest.mark.tofu
def test_the_providers_of_the_modules_can_be_had(tofu: Tofu, tmp_path: Path) -> None:
    """With the CLI configuration that set-up gives, a root with hashicorp/local and hashicorp/time plans for real."""
    (tmp_path / "main.tf").write_text(ROOT)
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": str(tofu.cli_config or os.devnull)}
    for arguments in (["init", "-input=false"], ["plan", "-input=false", "-no-color"]):
        done = subprocess.run(
            [tofu.path, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert "+ hello = <<-EOT" in done.stdout
    assert "hello" in done.stdout


@pytest.mark.ssh
def test_the_root_of_hosts_has_what_they_need() -> None:
    """The image of local hosts has sshd, Python, sudo and ip, this machine's way to apt, and no host key to share."""
    if missing():
        lacking(missing())
    image = asyncio.run(ensure_host_image(Settings(), Quiet()))
    assert image is not None
    with tarfile.open(image) as tar:
        names = {name.removeprefix("./") for name in tar.getnames()}
    assert {"usr/sbin/sshd", "usr/bin/python3", "usr/bin/sudo", "etc/apt/apt.conf.d/90host"} <= names
    assert names & {"bin/ip", "sbin/ip", "usr/bin/ip", "usr/sbin/ip"}
    assert not [name for name in names if name.startswith("etc/ssh/ssh_host_")]
    assert {f"usr/share/doc/{package}" for package in PACKAGES} <= names
