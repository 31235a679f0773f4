"""Settings of the public forms, of objections and of notices."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from uploadfilter.web.clients.addresses import (
    InheritedAddress,
    TCPAddress,
    UnixAddress,
    parse_address,
)
from uploadfilter.webhooks import check_url, key_of

_PLAIN_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-_~:/\[\]%]+")
"""A URL without a query, and without the signs that end a word in the policy of a
page."""

_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
_SERVER: Final = re.compile(r"(?P<host>\[[0-9a-f:]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]+)")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_MAILTO: Final = "mailto:"
_PORTS: Final = 1 << 16
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_MOST_DAYS: Final = 3660
"""Ten years: longer than any law asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormsSettings:
    """Where ``uploadfilter forms`` listens: a process of its own, beside the proxy.

    Attributes:
        listen: ``HOST:PORT`` or ``unix:/PATH`` for the public forms. A front end with
            TLS stands before it, and passes ``/objection``, ``/notice`` and
            ``/static/forms.css`` on. Empty for no public forms.
        review: The same for the page of reviewers and the metrics of the forms; empty
            for none. It has no login of its own: your front end's names the reviewer.
        reviewer_header: The header in which your front end, after its login, names the
            reviewer, such as ``X-Remote-User``; the front end must overwrite what a
            browser sends. On a TCP address it is believed of ``trusted_proxies`` only.
            Empty for the user who has opened the unix socket.
        smtp: ``HOST:PORT`` of the mail server, usually the one on this machine, which
            knows how to log in elsewhere. Port 465 is TLS; another server than this
            machine's must offer STARTTLS.
        mail_from: Sender of the mails; needed if any go out.
    """

    listen: str = "127.0.0.1:8093"
    review: str = ""
    reviewer_header: str = ""
    smtp: str = "127.0.0.1:25"
    mail_from: str = ""

    def __post_init__(self) -> None:
        """Refuse malformed addresses, and a page of reviewers without a login."""
        for name in ("listen", "review"):
            text = getattr(self, name)
            if text and isinstance(parse_address(text), InheritedAddress):
                raise ValueError(f"{name} must be HOST:PORT or unix:/PATH")
        if self.reviewer_header and not _HEADER.fullmatch(self.reviewer_header):
            raise ValueError("reviewer_header must be a name such as X-Remote-User")
        if isinstance(self.review_address, TCPAddress) and not self.reviewer_header:
            raise ValueError(
                "reviewer_header is needed as long as review is HOST:PORT, which "
                "does not tell who connects; unix:/PATH does"
            )
        server = _SERVER.fullmatch(self.smtp)
        if server is None or not 0 < int(server["port"]) < _PORTS:
            raise ValueError("smtp must be HOST:PORT, such as 127.0.0.1:25")
        if self.mail_from and not _MAIL.fullmatch(self.mail_from):
            raise ValueError("mail_from must be a plain address such as a@example.org")

    @property
    def public_address(self) -> TCPAddress | UnixAddress | None:
        """The address of the public forms; ``None`` for none."""
        return _address(self.listen)

    @property
    def review_address(self) -> TCPAddress | UnixAddress | None:
        """The address of the page of reviewers; ``None`` for none."""
        return _address(self.review)

    @property
    def smtp_server(self) -> tuple[str, int]:
        """Host and port of the mail server."""
        host, _, port = self.smtp.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    @property
    def is_smtp_here(self) -> bool:
        """Whether the mail server is on this machine."""
        return self.smtp_server[0] in _HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionSettings:
    """How uploaders object to a rejection, and how long that takes.

    Attributes:
        public_url: Where browsers find the form: the address of the listener of
            ``[forms]`` as the public sees it, with the path ``/objection``; or the
            operator's own page, which receives ``id`` and ``code`` by POST. Empty for
            no objections: an answer that promises a hearing is worse than none as long
            as nobody reads what comes in.
        deadline_days: Days in which a reviewer has to decide; an alarm follows. Two
            weeks are what Dutch law calls a reasonable time in a simple case, doubled
            for absence.
        keep_days: Days after the outcome for which text and outcome are kept. After
            them the outcome cannot be looked up, and the log still has it.
        outcomes_to: Your own system, which is told of each outcome: ``https://URL`` (or
            ``http://`` on this machine) for JSON by POST, ``mailto:ADDRESS`` for a
            mail. Empty for none.
        outcomes_secret: The key that signs the POST, as in ``[notify]``; needed with a
            URL.
    """

    public_url: str = ""
    deadline_days: int = 14
    keep_days: int = 183
    outcomes_to: str = ""
    outcomes_secret: str = ""

    def __post_init__(self) -> None:
        """Refuse times that mean nothing, and places that cannot be reached."""
        for name in ("deadline_days", "keep_days"):
            if not 1 <= getattr(self, name) <= _MOST_DAYS:
                raise ValueError(f"{name} must be 1 to {_MOST_DAYS}")
        _check_public_url(self.public_url)
        _check_recipient(self.outcomes_to, "outcomes_to")
        is_url = bool(self.outcomes_to) and not is_mail(self.outcomes_to)
        if is_url:
            _check_secret(self.outcomes_secret)

    @property
    def outcomes_key(self) -> bytes:
        """The key that signs a POST; empty for a mailbox, or for none."""
        return key_of(self.outcomes_secret) if self.outcomes_secret else b""

    @property
    def deadline_s(self) -> float:
        """Seconds in which a reviewer has to decide."""
        return timedelta(days=self.deadline_days).total_seconds()

    @property
    def keep_s(self) -> float:
        """Seconds after the outcome for which an objection is kept."""
        return timedelta(days=self.keep_days).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettings:
    """The form with which people report pictures of abuse, and where notices go.

    Attributes:
        public_url: Where browsers find the form: the address of the listener of
            ``[forms]`` as the public sees it, with the path ``/notice``. The answer
            pages link to it unless ``report`` names another place. Empty for no form: a
            notice needs somebody who reads it.
        hotline: Who gets the notices: ``https://URL`` (or ``http://`` on this machine)
            for JSON by POST, ``mailto:ADDRESS`` for mails. Needed with the form.
    """

    public_url: str = ""
    hotline: str = ""

    def __post_init__(self) -> None:
        """Refuse a form whose notices would reach nobody."""
        _check_public_url(self.public_url)
        _check_recipient(self.hotline, "hotline")
        if self.public_url and not self.hotline:
            raise ValueError("hotline is needed as long as public_url is set")


def is_mail(recipient: str) -> bool:
    """Return whether a recipient gets mails."""
    return recipient.startswith(_MAILTO)


def mailbox_of(recipient: str) -> str:
    """Return the address of a recipient that gets mails."""
    return recipient.removeprefix(_MAILTO)


def _check_recipient(text: str, name: str) -> None:
    if is_mail(text):
        is_fit = bool(_MAIL.fullmatch(mailbox_of(text)))
    else:
        is_fit = not text or _is_private(text)
    if not is_fit:
        raise ValueError(
            f"{name} must be mailto:ADDRESS, https://URL, or http://URL on this machine"
        )


def _is_private(url: str) -> bool:
    """Return whether nobody on the way can read a request to a URL."""
    try:
        check_url(url)
    except ValueError:
        return False
    return True


def _check_secret(secret: str) -> None:
    try:
        key_of(secret)
    except ValueError as exc:
        raise ValueError(
            f"outcomes_secret {exc}; it is needed as long as outcomes_to is a URL"
        ) from exc


def _check_public_url(text: str) -> None:
    """Refuse a text that no browser can be sent to from an answer."""
    try:
        is_fit = bool(_PLAIN_URL.fullmatch(text) and urlsplit(text).hostname)
    except ValueError:
        is_fit = False
    if text and not is_fit:
        raise ValueError(
            "public_url must be a URL such as https://upload.example.org/objection, "
            "without a query"
        )


def _address(text: str) -> TCPAddress | UnixAddress | None:
    address = parse_address(text) if text else None
    return None if isinstance(address, InheritedAddress) else address
