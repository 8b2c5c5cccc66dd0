"""Sending mail: by SMTP when the operator has named a server, else into files that the operator can read."""

import logging
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from hub.contracts.errors import Misconfigured, Unavailable

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS: Final = 10
_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Mailer:
    """`smtp_url` is smtp://[user:password@]host[:port], which asks for STARTTLS wherever the server offers it, or
    smtps:// for TLS from the start. Without one, mail goes to `outbox` as .eml files.
    """

    smtp_url: str
    sender: str
    outbox: Path

    def __post_init__(self) -> None:
        """Raises Misconfigured: a mistake shows at the start, not when somebody has lost the password."""
        parts = urlsplit(self.smtp_url)
        if self.smtp_url and (parts.scheme not in _PORTS or not parts.hostname):
            raise Misconfigured(
                "OVERWATCH_SMTP_URL: write smtp://user:password@host:587, or smtps:// for TLS throughout."
            )

    def send(self, to: str, subject: str, text: str, *, message_id: str = "") -> None:
        """Sends one mail. Raises Unavailable when the server does not take it now.

        One that is sent again has the `message_id` of the first attempt, so that mail programs show it once.
        """
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        domain = self.sender.partition("@")[2].strip(">")
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{message_id}@{domain}>" if message_id else make_msgid(domain=domain)
        message.set_content(text)
        if self.smtp_url:
            self._send_by_smtp(message)
        else:
            self._write(message)

    def _send_by_smtp(self, message: EmailMessage) -> None:
        parts = urlsplit(self.smtp_url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        try:
            with _connect(parts.scheme, host, port) as server:
                if parts.username:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"the mail server {host}:{port} did not take a mail: {type(error).__name__}") from error

    def _write(self, message: EmailMessage) -> None:
        self.outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.outbox / f"{message['Message-ID'].strip('<>').partition('@')[0]}.eml"
        path.touch(mode=0o600)
        path.write_bytes(bytes(message))
        log.warning("OVERWATCH_SMTP_URL is not set: a mail was written to %s instead of being sent", path)


def _connect(scheme: str, host: str, port: int) -> smtplib.SMTP:
    secure = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=secure)
    server = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=secure)
    return server
