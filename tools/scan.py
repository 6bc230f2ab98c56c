"""Look at the Terraform with Checkov.

Usage: ``python tools/scan.py``. It asks nothing of the network once it is installed. What Checkov finds and is right as
it is has its reason beside it, as ``checkov:skip=ID:reason``; a skip without a reason is an error here.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from workers.core.errors import SluisError  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.setup import Quiet  # noqa: E402
from workers.setup.checkov import ensure_checkov  # noqa: E402

TERRAFORM: Final = PROJECT / "terraform"
VARIABLES: Final = {
    "BC_SKIP_MAPPING": "TRUE",
    "CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false",
    "LOG_LEVEL": "ERROR",
}
"""Checkov asks its maker's server for texts unless told not to."""
_SKIP: Final = re.compile(r"checkov:skip=([A-Z0-9_]+)(?::(.*))?$", re.MULTILINE)
_REASON: Final = 15


def checkov() -> int:
    """All of ``terraform/``; 1 where there is a finding, or a skip without a reason."""
    unexplained = list(skips_without_reason(TERRAFORM))
    for problem in unexplained:
        print(problem, file=sys.stderr)
    words = asyncio.run(ensure_checkov(Settings(), Quiet()))
    options = ("--framework", "terraform", "--quiet", "--compact", "--skip-download")
    found = _run([*words, "--directory", str(TERRAFORM), *options], cwd=PROJECT)
    return int(bool(found or unexplained))


def skips_without_reason(folder: Path) -> Iterator[str]:
    """The places where a finding is skipped and nobody says why."""
    for file in sorted(folder.rglob("*.tf")):
        for match in _SKIP.finditer(file.read_text(encoding="utf-8")):
            if len(match[2] or "") < _REASON:
                yield f"{file}: {match[1]} is skipped without a reason; write checkov:skip={match[1]}:reason"


def _run(words: list[str], cwd: Path) -> int:
    environment = {**os.environ, **VARIABLES}
    return subprocess.run(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def main() -> int:
    """Look, and say what was found."""
    try:
        return checkov()
    except SluisError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
