"""What tests of channels build on: a mail server with TLS and sign-in, an AWS server, notices."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from workers.core.notice import Notice

PASSWORD = "correct horse battery"


@dataclass
class Letters:
    """What a mail server took; it may be told to put the next ones off."""

    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    put_off: int = 0

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - the library's name
        if self.put_off:
            self.put_off -= 1
            return "451 try again"
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(envelope.rcpt_tos)
        return "250 taken"


def may_enter(server, session, envelope, mechanism, data) -> AuthResult:
    """The server's own check of name and password."""
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"sluis", PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextmanager
def mail_server(folder: Path, tls: str, letters: Letters) -> Iterator[tuple[int, Path]]:
    """A real SMTP server that takes nothing without TLS and a sign-in; its port and its authority's certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    common = {"authenticator": may_enter, "auth_required": True}
    if tls == "implicit":
        controller = Controller(
            letters, hostname="localhost", port=free_port(), ssl_context=context, auth_require_tls=False, **common
        )
    else:
        controller = Controller(
            letters, hostname="localhost", port=free_port(), tls_context=context, require_starttls=True, **common
        )
    controller.start()
    try:
        yield controller.port, folder / "ca.pem"
    finally:
        controller.stop()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def notice(**changes) -> Notice:
    """A notice for the approvers of an environment."""
    return Notice(
        **{
            "event": "applied",
            "subject": "Machine ready: local/web1",
            "message": "It <b>answers</b>.",
            "environment": "local",
            **changes,
        }
    )
