"""Hooks of pre-commit that need to find a program first.

Usage: ``python tools/hooks.py tofu-fmt FILE…`` checks the format with the tofu or terraform that the workers use.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from workers.core.errors import SluisError  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.setup.tofu import Tofu, find_terraform, find_tofu  # noqa: E402


def main(arguments: list[str]) -> int:
    """Check the files; 0 where all are formatted."""
    if not arguments or arguments[0] != "tofu-fmt":
        print(__doc__, file=sys.stderr)
        return 2
    try:
        tool = asyncio.run(_tool())
    except SluisError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if tool is None:
        print("There is no tofu and no terraform; `make setup` gets one.", file=sys.stderr)
        return 1
    return subprocess.run([str(tool.path), "fmt", "-check", "-diff", *arguments[1:]], check=False).returncode


async def _tool() -> Tofu | None:
    return await find_tofu(Settings()) or await find_terraform()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
