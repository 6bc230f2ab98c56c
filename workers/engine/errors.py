"""Kinds of refusal by the engine that callers tell apart."""

from __future__ import annotations

from workers.core.errors import EngineError


class JobGoneError(EngineError):
    """The engine knows no job (or instance, task, incident, ...) of that key: cancelled, completed, or never there."""


class EngineBusyError(EngineError):
    """The engine has no room for the request now (backpressure); ask again a little later."""


class PayloadTooLargeError(EngineError):
    """The variables are larger than the engine takes (about 4 MB a message, less for a record)."""
