"""How a tool can end, other than well, where a handler has to tell it apart from a plain ``ToolError``."""

from __future__ import annotations

from workers.core.errors import SluisError, ToolError


class EndUnknownError(SluisError):
    """The worker died while a tool ran, and nothing shows how that ended."""


class StalePlanError(ToolError):
    """The saved plan no longer fits: the state, the configuration or the lock file has moved on."""


class StateLockedError(ToolError):
    """Somebody else holds the lock of the state."""


class ToolInterruptedError(ToolError):
    """The tool was stopped before its end.

    Args:
        message: what was stopped and why.
        exit_status: the tool's exit status.
        killed: it had to be killed after the grace period, so nobody knows what it did last (state unknown).
        timed_out: it was stopped because its time was up, not because somebody asked.
    """

    def __init__(self, message: str, exit_status: int, *, killed: bool = False, timed_out: bool = False) -> None:
        super().__init__(
            message,
            exit_status,
            "What was made until then is in the state." if not killed else "The state may lack what was made last.",
        )
        self.killed = killed
        self.timed_out = timed_out


class HostUnreachableError(ToolError):
    """SSH does not get through to these hosts."""

    def __init__(self, message: str, hosts: tuple[str, ...], exit_status: int = 4, hint: str = "") -> None:
        super().__init__(message, exit_status, hint)
        self.hosts = hosts


class RoleFailedError(ToolError):
    """A task of the role failed on these hosts."""

    def __init__(self, message: str, hosts: tuple[str, ...], exit_status: int = 2, hint: str = "") -> None:
        super().__init__(message, exit_status, hint)
        self.hosts = hosts
