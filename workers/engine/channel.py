"""The gRPC channel to the gateway: plain, TLS, mTLS, and over TLS with OAuth client credentials."""

from __future__ import annotations

from typing import Final

import grpc
import grpc.aio
from pyzeebe.channel import create_insecure_channel, create_secure_channel

from workers.core.errors import SettingError
from workers.core.settings import Settings
from workers.engine.tls import Tls
from workers.engine.tokens import GrpcTokens, Tokens

_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 45_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 8 * 1024),
)
"""A dead gateway is noticed within a minute (the broker allows a ping every 30 s or rarer), a restarted one
found again within seconds (the "minimum" is how long one attempt to connect may take: a loaded machine needs more
than a second for it); a batch of jobs may be larger than grpc's default of 4 MB. Little of a stream is taken in before
it is read, and no more where the line is fast: of 1,500 small pushed jobs 340 are under way to a reader that does not
read (32 KB of them in the gateway), with grpc's defaults all."""


def open_channel(settings: Settings) -> grpc.aio.Channel:
    """The channel that the settings describe. Connects at the first call; must be made inside a running loop.

    Raises:
        SettingError: OAuth is set up without TLS; the token would travel in clear, and gRPC refuses to send it. Or
            the certificate files of the settings cannot be used.
    """
    tls, tokens = Tls.from_settings(settings), Tokens.from_settings(settings)
    if settings.grpc_tls:
        return create_secure_channel(
            settings.grpc_address, channel_options=_OPTIONS, channel_credentials=_credentials(tls, tokens)
        )
    if tokens:
        raise SettingError(
            "SLUIS_OAUTH_TOKEN_URL is set but SLUIS_GRPC_TLS is not: a token is sent over TLS only.",
            "Set SLUIS_GRPC_TLS=true, or unset the SLUIS_OAUTH_* settings.",
        )
    return create_insecure_channel(settings.grpc_address, channel_options=_OPTIONS)


def _credentials(tls: Tls, tokens: Tokens | None) -> grpc.ChannelCredentials:
    if tokens is None:
        return tls.credentials()
    calls = grpc.metadata_call_credentials(GrpcTokens(tokens), name="sluis")
    return grpc.composite_channel_credentials(tls.credentials(), calls)
