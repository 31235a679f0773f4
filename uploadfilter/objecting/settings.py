"""Settings of objections."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from uploadfilter.proxy.clients.addresses import (
    InheritedAddress,
    TCPAddress,
    UnixAddress,
    parse_address,
)

_PLAIN_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-_~:/\[\]%]+")
"""A URL without a query, and without the signs that end a word in the policy of a
page."""

_MOST_DAYS: Final = 3660
"""Ten years: longer than any law asks for."""


def check_public_url(text: str, name: str) -> None:
    """Refuse a text that no browser can be sent to from an answer.

    Args:
        text: The URL; empty is accepted.
        name: The key, for the message.

    Raises:
        ValueError: It is no URL of HTTP, or has a query.
    """
    if not text:
        return
    try:
        has_host = bool(_PLAIN_URL.fullmatch(text) and urlsplit(text).hostname)
    except ValueError:
        has_host = False
    if not has_host:
        raise ValueError(
            f"{name} must be a URL such as https://upload.example.org/objection, "
            "without a query"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FormsSettings:
    """Where ``uploadfilter forms`` listens: a process of its own, beside the proxy.

    Attributes:
        listen: ``HOST:PORT`` or ``unix:/PATH`` for the public forms. A front end with
            TLS stands before it, and passes ``/objection``, ``/notice`` and
            ``/static/forms.css`` on. Empty for no public forms.
        review: The same for the page of reviewers and the metrics of the forms; empty
            for none. It has a login, and belongs on a network of the operator's.
        review_hosts: Names by which a browser may address the page of reviewers, beside
            ``localhost`` and addresses in figures.
    """

    listen: str = "127.0.0.1:8093"
    review: str = ""
    review_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse malformed addresses, and inherited sockets."""
        for name in ("listen", "review"):
            text = getattr(self, name)
            if text and isinstance(parse_address(text), InheritedAddress):
                raise ValueError(f"{name} must be HOST:PORT or unix:/PATH")

    @property
    def public_address(self) -> TCPAddress | UnixAddress | None:
        """The address of the public forms; ``None`` for none."""
        return _address(self.listen)

    @property
    def review_address(self) -> TCPAddress | UnixAddress | None:
        """The address of the page of reviewers; ``None`` for none."""
        return _address(self.review)


def _address(text: str) -> TCPAddress | UnixAddress | None:
    address = parse_address(text) if text else None
    return None if isinstance(address, InheritedAddress) else address


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionSettings:
    """How uploaders object to a rejection, and how long that takes.

    Attributes:
        enabled: Whether rejections name a code and the form. The default is no: an
            answer that promises a hearing is worse than none as long as nobody reads
            what comes in.
        public_url: Where browsers find the form: the address of the listener of
            ``[forms]`` as the public sees it, with the path ``/objection``; or the
            operator's own page, which receives ``id`` and ``code`` by POST.
        within_days: Days after a decision in which an uploader may object. Article 20
            of the Digital Services Act asks for six months; a record of a match is
            kept for longer, that of another rejection is not, and then the reviewer
            sees the objection alone.
        deadline_days: Days in which a reviewer has to decide. Half of the time later
            comes a reminder, and at the end an alarm. Two weeks are what Dutch law
            calls a reasonable time in a simple case, doubled for absence.
        keep_days: Days after the outcome for which text and outcome are kept. After
            them the outcome cannot be looked up, and the log still has it.
        most_open: Most objections that wait for a decision. A reviewer decides some
            hundred a day, and at 8 KB each they take 80 MB.
        most_per_hour: Most objections of one client in an hour. An uploader has a few
            rejections; a network of clients gets four times as many.
        tries_per_hour: Most wrong codes of one client in an hour. Codes are copied
            from a screen, so wrong ones are rare.
    """

    enabled: bool = False
    public_url: str = ""
    within_days: int = 183
    deadline_days: int = 14
    keep_days: int = 183
    most_open: int = 10_000
    most_per_hour: int = 10
    tries_per_hour: int = 20

    def __post_init__(self) -> None:
        """Refuse times and counts that mean nothing, and a form that has no address."""
        for name in ("within_days", "deadline_days", "keep_days"):
            if not 1 <= getattr(self, name) <= _MOST_DAYS:
                raise ValueError(f"{name} must be 1 to {_MOST_DAYS}")
        for name, most in (
            ("most_open", 1_000_000),
            ("most_per_hour", 10_000),
            ("tries_per_hour", 10_000),
        ):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be 1 to {most}")
        check_public_url(self.public_url, "public_url")
        if self.enabled and not self.public_url:
            raise ValueError("public_url is needed as long as enabled is true")

    @property
    def deadline_s(self) -> float:
        """Seconds in which a reviewer has to decide."""
        return timedelta(days=self.deadline_days).total_seconds()

    @property
    def keep_s(self) -> float:
        """Seconds after the outcome for which an objection is kept."""
        return timedelta(days=self.keep_days).total_seconds()
