"""People at the engine: signing in as one of them, so that what is done is done in their name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from workers.core.errors import SettingError
from workers.core.settings import Settings
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import open_rest

Ask = Callable[[str], str]
"""Asks for a password, given the user's name; empty where nobody can be asked."""


def nobody(user: str) -> str:  # noqa: ARG001 - the form of `Ask`
    """There is nobody to be asked."""
    return ""


def password_variable(user: str) -> str:
    """The environment variable that a person's password is taken from: ``SLUIS_PASSWORD_<USER>``."""
    return "SLUIS_PASSWORD_" + re.sub(r"\W", "_", user).upper()


def password_of(settings: Settings, user: str, ask: Ask = nobody) -> str:
    """The password with which ``user`` signs in at the engine.

    In this order: the environment variable, the service's own if it is that user, the user's name on the embedded
    engine (its users demo, act and view are made that way), what the person types.

    Raises:
        SettingError: there is none.
    """
    if from_environment := os.environ.get(password_variable(user)):
        return from_environment
    if user == settings.rest_user and settings.engine == "external":
        return settings.rest_password.get_secret_value()
    if settings.engine == "embedded":
        return user
    if typed := ask(user):
        return typed
    hint = f"Set {password_variable(user)}, or run the command at a terminal."
    raise SettingError(f"The password of {user} at {settings.rest_address} is not known.", hint)


async def signed_in(settings: Settings, user: str, ask: Ask = nobody) -> OrchestrationRest:
    """The engine as ``user`` sees it, already signed in. To be closed by the caller.

    Raises:
        EngineError: the engine does not let them in.
        SettingError: their password is not known.
    """
    rest = open_rest(settings, user, password_of(settings, user, ask))
    try:
        await rest.sign_in()
    except BaseException:
        await rest.close()
        raise
    return rest


def evidence(settings: Settings, user: str) -> str:
    """How we know that it was them, for the record."""
    return f"signed in at {settings.rest_address} as {user}"
