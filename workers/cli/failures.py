"""How a command ends when it cannot do what it was asked to: a message, a hint, an exit code; never a traceback."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from workers.core.errors import InputError, SluisError
from workers.core.values import now

UNEXPECTED: Final = 70
"""The exit code of an error that we did not foresee (EX_SOFTWARE of BSD's sysexits.h)."""

EXIT_CODES: Final = (
    "Exit codes: 0 done · 1 not as hoped (a check failed, a process ended otherwise) · 2 wrong command, setting or "
    "name · 3 a module or role that cannot be read · 4 a program that is missing · 5 the engine said no or does not "
    "answer · 6 somebody else holds it · 7 OpenTofu, Terraform or Ansible failed · 8 the store · 70 unexpected · "
    "130 interrupted."
)


def guarded(command: Callable[[], None], errors: Callable[[], Path]) -> int:
    """Run the command line and turn what goes wrong into a message and an exit code.

    Args:
        command: the program.
        errors: the folder for tracebacks of unexpected errors.
    """
    try:
        command()
    except SluisError as error:
        _tell(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `sluis runs | head`
        sys.stderr.close()
        return 141
    except ExceptionGroup as group:
        return _group(group, errors)
    except Exception as error:  # noqa: BLE001 - the last net
        return _unexpected(error, errors)
    return 0


def _group(group: ExceptionGroup[Exception], errors: Callable[[], Path]) -> int:
    first: Exception = group
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, SluisError):
        _tell(first)
        return first.exit_code
    return _unexpected(group, errors)


def _tell(error: SluisError) -> None:
    if isinstance(error, InputError) and len(error.problems) > 1:
        lines = "".join(f"  - {problem}\n" for problem in error.problems)
        sys.stderr.write(f"error: {error.subject}:\n{lines}")
    else:
        sys.stderr.write(f"error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def _unexpected(error: Exception, errors: Callable[[], Path]) -> int:
    sys.stderr.write(f"error: unexpected {type(error).__name__}: {str(error)[:300]}\n")
    try:
        path = errors() / f"{now():%Y%m%dT%H%M%S}.txt"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except (OSError, SluisError):
        sys.stderr.write("hint: the details could not be written down; check the data folder.\n")
    else:
        sys.stderr.write(f"hint: this is a fault in Sluis; report it with the details in {path}\n")
    return UNEXPECTED
