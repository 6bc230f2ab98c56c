"""TLS to the cluster: which certificates we trust, and which one says who we are (mTLS)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from workers.core.errors import SettingError
from workers.core.settings import Settings

_HINT = "A certificate file is in PEM format; docs/how-to/use-another-camunda.md shows how to try it."


@dataclass(frozen=True)
class Tls:
    """The certificate files of the settings, known to be readable and to fit.

    Attributes:
        authority: certificates that the cluster's are checked against; None: the usual ones.
        certificate: our own certificate, with those between it and its authority; None: we show none.
        key: its private key.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Tls:
        """The files that the settings name.

        Raises:
            SettingError: a certificate without its key or without TLS, or a file that is not what it should be.
        """
        found = cls(settings.tls_ca, settings.tls_certificate, settings.tls_key)
        if (found.certificate is None) != (found.key is None):
            raise SettingError("SLUIS_TLS_CERTIFICATE and SLUIS_TLS_KEY belong together; only one is set.")
        if found != cls():
            _must_be_used(settings)
            found.context()
        return found

    def context(self) -> ssl.SSLContext:
        """For REST.

        Raises:
            SettingError: a file cannot be read, or holds no certificate or no fitting key.
        """
        context = _trusting(self.authority, only=True)
        if self.certificate:
            try:
                context.load_cert_chain(self.certificate, self.key)
            except (OSError, ssl.SSLError) as error:
                files = f"SLUIS_TLS_CERTIFICATE ({self.certificate}) and SLUIS_TLS_KEY ({self.key})"
                raise SettingError(f"{files} cannot be used: {error}.", _HINT) from error
        return context

    def others(self) -> ssl.SSLContext:
        """For the token server, which may be of the cluster or of the world: the usual authorities and ours."""
        return _trusting(self.authority, only=False)

    def credentials(self) -> grpc.ChannelCredentials:
        """For gRPC. The files are read once: after they are renewed the worker has to be started anew."""
        return grpc.ssl_channel_credentials(_bytes(self.authority), _bytes(self.key), _bytes(self.certificate))


def _must_be_used(settings: Settings) -> None:
    """Certificates that nothing uses are a cluster that we would speak to in clear by mistake."""
    if not settings.grpc_tls and not settings.rest_address.startswith("https:"):
        raise SettingError(
            "SLUIS_TLS_* are set, but neither gRPC nor REST uses TLS.",
            "Set SLUIS_GRPC_TLS=true, and https:// in SLUIS_REST_ADDRESS.",
        )


def _trusting(authority: Path | None, *, only: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None)
    if authority is None:
        return context
    if only:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"SLUIS_TLS_CA ({authority}) cannot be used: {error}.", _HINT) from error
    return context


def _bytes(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None
