"""What of the service's log can be changed while it runs: its level, and the secrets that are taken out of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from workers.core.errors import UsageError
from workers.core.redaction import Redactor
from workers.core.settings import Settings
from workers.execution.secrets import Secrets, SecretSource

LEVELS: Final = ("debug", "info", "warning", "error")
_PUBLIC: Final = ("view", "demo", "act")  # passwords of the embedded engine, which are names of its users


class LogControl:
    """The level and the known secrets of a log.

    Args:
        settings: give the first level, and secrets of their own.
    """

    def __init__(self, settings: Settings) -> None:
        self.level: str = settings.log_level
        own = (
            settings.rest_password, settings.oauth_client_secret, settings.oidc_client_secret,
            settings.web_session_secret, settings.webhook_secret,
        )  # fmt: skip
        self._redactor = Redactor(v for s in own if (v := s.get_secret_value()) not in _PUBLIC)
        self._known: set[str] = set()

    def set_level(self, level: str) -> None:
        """From now on log what is at least that severe.

        Raises:
            UsageError: there is no such level.
        """
        if level not in LEVELS:
            raise UsageError(f"There is no log level '{level}'.", f"There are: {', '.join(LEVELS)}.")
        self.level = level

    def learn(self, value: str) -> None:
        """Take this secret out of everything that is logged from now on."""
        if value not in self._known:
            self._known.add(value)
            self._redactor = self._redactor.plus((value,))

    def learning(self, secrets: Secrets) -> Secrets:
        """The same secrets, each learnt when it is resolved."""
        return Secrets({name: self._listening(source) for name, source in secrets.sources.items()})

    def drop_quiet(self, _: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """A structlog processor: drop what is less severe than the level."""
        numbers: Mapping[str, int] = logging.getLevelNamesMapping()
        severity = "error" if method in ("exception", "critical") else method
        if numbers.get(severity.upper(), logging.INFO) < numbers[self.level.upper()]:
            raise structlog.DropEvent
        return event

    def redact(self, _: WrappedLogger, __: str, line: Any) -> str:
        """A structlog processor, the last one: take the secrets out of the finished line."""
        return self._redactor.text(str(line))

    def _listening(self, source: SecretSource) -> SecretSource:
        def value(name: str) -> str:
            found = source(name)
            self.learn(found)
            return found

        return value
