"""The package as somebody installs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_a_wheel_in_an_empty_environment_has_a_command_that_works(tmp_path: Path):
    """Built from the tree, installed with its declared dependencies only, run in a folder without a project."""
    built = run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, PROJECT, cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("sluis-*.whl")
    environment = tmp_path / "venv"
    assert run(sys.executable, "-m", "venv", environment, cwd=tmp_path).returncode == 0
    pinned = PROJECT / "requirements" / "dev.txt"
    installed = run(
        environment / "bin" / "pip", "install", "-q", "-c", _constraints(pinned, tmp_path), wheel, cwd=tmp_path
    )
    assert installed.returncode == 0, installed.stderr

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    help_ = run(environment / "bin" / "sluis", "--help", cwd=elsewhere)
    assert help_.returncode == 0, help_.stderr
    assert "doctor" in help_.stdout
    doctor = run(environment / "bin" / "sluis", "doctor", cwd=elsewhere)
    assert "Traceback" not in doctor.stdout + doctor.stderr
    assert "engine" in doctor.stdout.lower()


def _constraints(pinned: Path, folder: Path) -> Path:
    """The pinned versions without their hashes, which pip does not take as constraints."""
    lines = (line.split(" ", 1)[0] for line in pinned.read_text().splitlines() if "==" in line and line[0].isalnum())
    target = folder / "constraints.txt"
    target.write_text("\n".join(lines))
    return target
