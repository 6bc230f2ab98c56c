"""Hooks of pre-commit that need to find a program first.

Usage: ``python tools/hooks.py tofu-fmt FILE…`` checks the format with the tofu or terraform that the workers use.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from workers.core.errors import MissingToolError  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.execution.terraform import find_program  # noqa: E402


def main(arguments: list[str]) -> int:
    """Check the files; 0 where all are formatted."""
    if not arguments or arguments[0] != "tofu-fmt":
        print(__doc__, file=sys.stderr)
        return 2
    settings = Settings()
    try:
        program = find_program(settings.tofu, settings.cache)
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return subprocess.run([str(program), "fmt", "-check", "-diff", *arguments[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
