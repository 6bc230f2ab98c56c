"""The settings of this process, from its environment variables."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from workers.core.errors import SettingError
from workers.core.settings import Settings


def load_settings(**overrides: Any) -> Settings:
    """The settings from the environment, with ``overrides`` on top (None: not given).

    Raises:
        SettingError: a setting does not fit; every one is named with its variable.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        problems = (
            f"SLUIS_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}, got {e['input']!r}" for e in error.errors()
        )
        raise SettingError("; ".join(problems), "docs/reference/settings.md lists every setting.") from error
