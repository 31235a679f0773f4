"""Settings of the report button: its form, and the hotline that gets the notices."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from uploadfilter.objecting.settings import check_public_url

_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
_SITE: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_SERVER: Final = re.compile(r"(?P<host>\[[0-9a-f:]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]+)")
_PORTS: Final = 1 << 16


class MailSecurity(StrEnum):
    """How the connection to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettings:
    """The form with which people report pictures of abuse, and where notices go.

    Attributes:
        enabled: Whether the form is served. The default is no: a notice needs somebody
            who reads it.
        public_url: Where browsers find the form: the address of the listener of
            ``[forms]`` as the public sees it, with the path ``/notice``. The answer
            pages link to it unless ``report`` names another place.
        hotline_url: Where notices are sent as JSON by POST, with HTTPS, or HTTP on this
            machine; empty if they go by mail.
        hotline_mail: The mailbox that gets them; empty if they go by HTTP.
        mail_from: Sender of the mails; needed with ``hotline_mail``.
        smtp: ``HOST:PORT`` of the mail server, usually the one on this machine, which
            knows how to log in elsewhere.
        smtp_security: ``none`` for a server on this machine, ``starttls`` or ``tls``
            for others.
        embed_on: Sites that may show the form in a frame of their pages, such as
            ``https://www.example.org``; it is then at ``/notice?embed``.
        most_per_hour: Most notices of one client in an hour; a network of clients may
            send four times as many.
        most_waiting: Most notices that wait for the hotline, at 8 KB each.
        keep_days: Days for which a notice that cannot be delivered is kept. An alarm
            comes long before.
    """

    enabled: bool = False
    public_url: str = ""
    hotline_url: str = ""
    hotline_mail: str = ""
    mail_from: str = ""
    smtp: str = "127.0.0.1:25"
    smtp_security: MailSecurity = MailSecurity.NONE
    embed_on: tuple[str, ...] = ()
    most_per_hour: int = 10
    most_waiting: int = 10_000
    keep_days: int = 90

    def __post_init__(self) -> None:
        """Refuse a form whose notices would reach nobody."""
        for name, least, most in (
            ("most_per_hour", 1, 10_000),
            ("most_waiting", 1, 1_000_000),
            ("keep_days", 1, 3660),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be {least} to {most}")
        check_public_url(self.public_url, "public_url")
        if any(not _SITE.fullmatch(site) for site in self.embed_on):
            raise ValueError("embed_on must be sites such as https://www.example.org")
        self._check_hotline()
        if self.enabled and not self.public_url:
            raise ValueError("public_url is needed as long as enabled is true")
        if self.enabled and not (self.hotline_url or self.hotline_mail):
            raise ValueError(
                "hotline_url or hotline_mail is needed as long as enabled is true"
            )

    def _check_hotline(self) -> None:
        if self.hotline_url and self.hotline_mail:
            raise ValueError("hotline_url and hotline_mail exclude each other")
        if self.hotline_url and not _is_safe(self.hotline_url):
            raise ValueError(
                "hotline_url must be an https:// URL, or http:// on this machine"
            )
        for name in ("hotline_mail", "mail_from"):
            text = getattr(self, name)
            if text and not _MAIL.fullmatch(text):
                raise ValueError(
                    f"{name} must be a plain address such as a@example.org"
                )
        if self.hotline_mail and not self.mail_from:
            raise ValueError("mail_from is needed with hotline_mail")
        server = _SERVER.fullmatch(self.smtp)
        if server is None or not 0 < int(server["port"]) < _PORTS:
            raise ValueError("smtp must be HOST:PORT, such as 127.0.0.1:25")

    @property
    def smtp_server(self) -> tuple[str, int]:
        """Host and port of the mail server."""
        host, _, port = self.smtp.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)


def _is_safe(url: str) -> bool:
    """Return whether nobody on the way can read a request to a URL."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_here = host in {"localhost", "127.0.0.1", "::1"}
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_here)
    )
