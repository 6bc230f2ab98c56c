"""Pin every Python package of the development environment, with hashes, in ``requirements/dev.txt``.

Reads the dependencies, the ``dev`` group and the build backend from ``pyproject.toml`` and has pip-compile resolve
them for the oldest Python that is supported. Run it by ``make lock`` with that Python.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "requirements" / "dev.txt"
# What hatchling asks for when it makes an editable install, which pip may not fetch by itself here.
EDITABLE = ["editables"]


def wanted() -> list[str]:
    """Everything that the development environment asks for by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
        *EDITABLE,
    ]


def main() -> int:
    """Write the file; arguments go to pip-compile, e.g. ``--upgrade``."""
    command = [
        *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras"),
        *("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options"),
        *("--allow-unsafe", "--no-annotate", "--no-header", "--output-file", str(TARGET), *sys.argv[1:], "-"),
    ]
    status = subprocess.run(command, input="\n".join(wanted()), text=True, check=False, cwd=ROOT).returncode
    if status == 0:
        TARGET.write_text(f"# Written by `make lock` from pyproject.toml.\n{TARGET.read_text(encoding='utf-8')}")
    return status


if __name__ == "__main__":
    sys.exit(main())
