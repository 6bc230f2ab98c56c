"""OAuth client credentials: one token for gRPC and REST, fetched when it is needed and before it runs out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import grpc
import httpx

from workers.core.errors import EngineError, EngineUnavailableError, SettingError
from workers.core.settings import Settings
from workers.engine.tls import Tls

_LEEWAY: Final = 30.0
_LIFE: Final = 60.0  # of a token whose server does not say
_SECONDS: Final = 20.0


@dataclass
class Tokens:
    """The tokens of one client.

    Args:
        url: the token address of the identity provider.
        client_id: who we are there.
        client_secret: how we prove it.
        audience: for whom the token is; empty where the provider wants none.
        scope: what it is for; empty where the provider wants none.
        tls: whom we trust.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    audience: str = ""
    scope: str = ""
    tls: Tls = field(default_factory=Tls)
    _token: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> Tokens | None:
        """The client that the settings name; None where they name none.

        Raises:
            SettingError: there is no client id.
        """
        if not settings.oauth_token_url:
            return None
        if not settings.oauth_client_id:
            raise SettingError("SLUIS_OAUTH_TOKEN_URL is set but SLUIS_OAUTH_CLIENT_ID is not.")
        return cls(
            settings.oauth_token_url,
            settings.oauth_client_id,
            settings.oauth_client_secret.get_secret_value(),
            settings.oauth_audience,
            settings.oauth_scope,
            Tls.from_settings(settings),
        )

    def token(self, *, not_this: str = "") -> str:
        """A token that is good for a while; blocks for the time of a request where a new one is needed.

        Args:
            not_this: a token that was refused.

        Raises:
            EngineError: the provider refuses us.
            EngineUnavailableError: it does not answer.
        """
        with self._lock:
            if not self._token or self._token == not_this or time.monotonic() > self._until:
                self._fetch()
            return self._token

    def _fetch(self) -> None:
        answer = self._ask()
        if not answer.is_success:
            raise EngineError(
                f"{self.url} gives client {self.client_id!r} no token ({answer.status_code}{_reason(answer)}).",
                "Check the SLUIS_OAUTH_* settings.",
            )
        content = answer.json()
        self._token = str(content["access_token"])
        life = float(content.get("expires_in") or _LIFE)
        self._until = time.monotonic() + max(life - _LEEWAY, life / 2)

    def _ask(self) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        more = {"audience": self.audience, "scope": self.scope}
        try:
            with httpx.Client(timeout=_SECONDS, verify=self.tls.others()) as http:
                return http.post(self.url, data=form | {name: value for name, value in more.items() if value})
        except httpx.HTTPError as error:
            raise EngineUnavailableError(
                f"No token server answers at {self.url} ({type(error).__name__}: {error}).",
                "Check SLUIS_OAUTH_TOKEN_URL and SLUIS_TLS_CA.",
            ) from error


class GrpcTokens(grpc.AuthMetadataPlugin):
    """Puts the token into every gRPC call. gRPC calls it in a thread of its own.

    Args:
        tokens: where it comes from.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def __call__(
        self,
        context: grpc.AuthMetadataContext,  # noqa: ARG002 - gRPC's signature
        callback: Callable[[tuple[tuple[str, str], ...], Exception | None], None],
    ) -> None:
        """See `grpc.AuthMetadataPlugin`."""
        try:
            callback((("authorization", f"Bearer {self._tokens.token()}"),), None)
        except (EngineError, SettingError) as error:
            callback((), error)


def _reason(answer: httpx.Response) -> str:
    """The provider's own word, where it is one: ``invalid_client``."""
    try:
        content = answer.json()
    except ValueError:
        return ""
    error = content.get("error") if isinstance(content, dict) else None
    return f", {error}" if isinstance(error, str) else ""
