"""Notices by e-mail, over an encrypted SMTP connection."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from workers.core.errors import SettingError, ToolError
from workers.core.notice import Notice
from workers.core.notices import MailChannel
from workers.people.texts import Texts

_SECONDS = 20


@dataclass(frozen=True)
class Mail:
    """Sends mail with a text and an HTML part.

    Args:
        server: where to.
        password: resolves the server's password when it is needed.
        texts: what the mail says.
        recipients: whom a notice goes to.
    """

    server: MailChannel
    password: Callable[[], str]
    texts: Texts
    recipients: Callable[[Notice], tuple[str, ...]]
    name: str = "mail"

    async def send(self, notice: Notice) -> None:
        """Send one mail to everybody whom it concerns.

        Raises:
            ToolError: the server did not take it.
            SettingError: nobody it concerns has an address, or the server does not let us in.
        """
        recipients = self.recipients(notice)
        if not recipients:
            hint = "Give the people mail addresses under notices.contacts, or set notices.mail.to."
            raise SettingError(f"Nobody whom '{notice.event}' concerns has a mail address.", hint)
        await asyncio.to_thread(self._deliver, self._message(notice, recipients))

    def _message(self, notice: Notice, recipients: tuple[str, ...]) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = " ".join(notice.subject.split())[:200]
        message["From"] = self.server.sender
        message["To"] = ", ".join(recipients)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self.server.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.texts.render(notice, "txt"))
        message.add_alternative(self.texts.render(notice, "html"), subtype="html")
        return message

    def _deliver(self, message: EmailMessage) -> None:
        where = f"mail server {self.server.host}:{self.server.port}"
        try:
            with self._connected() as client:
                if self.server.user:
                    client.login(self.server.user, self.password())
                refused = client.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise SettingError(f"The {where} does not let {self.server.user} in ({error.smtp_code}).") from error
        except (OSError, smtplib.SMTPException) as error:
            raise ToolError(f"The {where} did not take the mail: {error}") from error
        if refused:
            raise ToolError(f"The {where} refused {', '.join(sorted(refused))}.")

    def _connected(self) -> smtplib.SMTP:
        trust = ssl.create_default_context(cafile=self.server.ca_file or None)
        address = (self.server.host, self.server.port)
        if self.server.tls == "implicit":
            return smtplib.SMTP_SSL(*address, timeout=_SECONDS, context=trust)
        client = smtplib.SMTP(*address, timeout=_SECONDS)
        try:
            client.starttls(context=trust)
        except BaseException:
            client.close()
            raise
        return client
