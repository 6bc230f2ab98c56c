"""What can go wrong, in words fit for the person who has to act.

The tree::

    SluisError                  everything that we raise on purpose
    ├── UsageError              the command or request itself is wrong           exit code 2
    │   ├── InputError          inputs that do not fit a contract
    │   ├── SettingError        a setting or an environment file that is wrong
    │   ├── NotFoundError       a name that nothing goes by
    │   └── DeniedError         somebody who may not do this
    ├── ContractError           a module or role that cannot be read             exit code 3
    ├── MissingToolError        a program or library that is not there           exit code 4
    ├── EngineError             the engine said no                               exit code 5
    │   └── EngineUnavailableError   the engine did not answer
    ├── BusyError               a stack or a port that somebody else holds       exit code 6
    ├── ToolError               tofu, terraform or ansible ended with an error   exit code 7
    └── StoreError              the record could not be read or written          exit code 8
"""

from __future__ import annotations


class SluisError(Exception):
    """A failure that we can explain.

    Args:
        message: what happened, naming the file, variable, element or setting.
        hint: what to do about it; empty where there is nothing to do.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(SluisError):
    """The command or the request itself is wrong."""

    exit_code = 2


class InputError(UsageError):
    """Inputs that do not fit the contract of a module, role or process.

    Args:
        subject: what the inputs were for, e.g. ``module local_host``.
        problems: one sentence each, naming the variable, what it got and what was expected.
    """

    def __init__(self, subject: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"{subject}: " + "; ".join(problems))
        self.subject = subject
        self.problems = problems


class SettingError(UsageError):
    """A setting or an environment file that cannot be used."""


class NotFoundError(UsageError):
    """A name that nothing goes by."""


class DeniedError(UsageError):
    """Somebody may not do what they asked for."""


class ContractError(SluisError):
    """A module or role whose contract cannot be read."""

    exit_code = 3


class MissingToolError(SluisError):
    """A program, library or download that is not there."""

    exit_code = 4


class EngineError(SluisError):
    """The engine refused a request."""

    exit_code = 5


class EngineUnavailableError(EngineError):
    """The engine did not answer."""


class NotShownYetError(EngineError):
    """The engine's search does not show something that is there: it is behind, by minutes after a burst."""


class BusyError(SluisError):
    """A stack, lock or port that somebody else holds."""

    exit_code = 6


class ToolError(SluisError):
    """OpenTofu, Terraform or Ansible ended with an error.

    Args:
        message: the tool's own error, shortened, secrets removed.
        exit_status: the tool's exit status; negative for a signal.
        hint: what to do about it.
    """

    exit_code = 7

    def __init__(self, message: str, exit_status: int = 1, hint: str = "") -> None:
        super().__init__(message, hint)
        self.exit_status = exit_status


class StoreError(SluisError):
    """The durable record could not be read or written."""

    exit_code = 8
