"""The roles under Molecule, with its default driver, on a machine of their own: applied, applied again, verified."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_host_fixtures import machine, tools

__all__ = ["tools"]  # a fixture that is used by being here

pytestmark = [pytest.mark.slow, pytest.mark.tofu, pytest.mark.ssh]

ANSIBLE = Path(__file__).resolve().parents[2] / "ansible"
SCENARIOS = sorted(path.parent.name for path in (ANSIBLE / "molecule").glob("*/molecule.yml"))


@pytest.mark.parametrize("role", SCENARIOS)
def test_a_role_converges_once_and_is_verified(tmp_path: Path, role: str) -> None:
    """A first run makes it so, a second changes nothing, and the machine itself shows what the role promises."""
    with machine(tmp_path / "machine", role.replace("_", "-")) as host:
        programs = Path(sys.executable).parent
        environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SLUIS_MACHINE_ADDRESS": host.address,
            "SLUIS_MACHINE_PORT": str(host.port),
            "SLUIS_MACHINE_KEY": str(host.key),
            "SLUIS_MACHINE_KNOWN_HOSTS": str(host.known_hosts),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            [programs / "molecule", "--base-config", ANSIBLE / "molecule" / "config.yml", "test", "-s", role],
            cwd=ANSIBLE, env=environment, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert f"{role} > idempotence: Executed: Successful" in done.stdout + done.stderr
