"""Who is let in: the browser in which the link was opened, and no other.

The link is good once. Who opens it gets a cookie, which a browser sends from pages of
this address only (``SameSite=Strict``); what changes something also carries a number
out of the page itself, since a cookie knows no ports and another program on this
machine may be sent it.

Rules this module keeps: it is pure, secrets come in; secrets are compared in constant
time; what is not known to be right is refused.
"""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

COOKIE: Final = "uploadfilter_issuer"

_SAME: Final = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site`` of what our page asks for, and of what people type."""


class Refused(StrEnum):
    """Why a request is not let in."""

    HOST = "host"
    ORIGIN = "origin"
    SPENT = "spent"
    STRANGER = "stranger"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What only the right browser knows, each at least 128 random bits as text.

    Attributes:
        link: The end of the link.
        session: The cookie.
        form: What a form of the page carries.
    """

    link: str
    session: str
    form: str


class Door:
    """Lets one browser in.

    Args:
        secrets: Of this run of the page.
        authority: Host and port as a browser names them: ``127.1.2.3:4567``.
    """

    def __init__(self, secrets: Secrets, *, authority: str) -> None:
        self._secrets = secrets
        self._authority = authority
        self._is_spent = False

    @property
    def form(self) -> str:
        """What every form of the page carries."""
        return self._secrets.form

    def enter(self, link: str) -> str | Refused:
        """Return the cookie for who has the link; it is good once."""
        if not _same(link, self._secrets.link):
            return Refused.STRANGER
        if self._is_spent:
            return Refused.SPENT
        self._is_spent = True
        return self._secrets.session

    def stranger(
        self, *, host: str, origin: str | None, site: str | None, changes: bool
    ) -> Refused | None:
        """Say why a request cannot come from our page, by what browsers say of it.

        Args:
            host: The field Host: a foreign name is that of a site that had its name
                point here (DNS rebinding).
            origin: The field Origin, which browsers send with what changes something.
            site: The field Sec-Fetch-Site, which newer browsers send.
            changes: Whether the request may change something.
        """
        if host != self._authority:
            return Refused.HOST
        if origin is None:
            if changes:
                return Refused.ORIGIN
        elif origin != f"http://{self._authority}":
            return Refused.ORIGIN
        if changes and site is not None and site not in _SAME:
            return Refused.ORIGIN
        return None

    def knows(self, cookie: str) -> Refused | None:
        """Say why a cookie is not that of the one browser."""
        if self._is_spent and _same(cookie, self._secrets.session):
            return None
        return Refused.STRANGER

    def knows_form(self, number: str) -> Refused | None:
        """Say why a form is not one of our page."""
        return None if _same(number, self._secrets.form) else Refused.FORM


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())
