"""Admit the browser in which the link was opened, and no other.

The link is valid once. A browser that opens it gets a cookie, which browsers send only
from pages of this address (``SameSite=Strict``). A form that changes something also
carries a number from the page itself, because cookies do not depend on ports, and the
browser may send them to another program on this machine.

Rules this module keeps: it is pure, and gets its secrets as arguments; secrets are
compared in constant time; everything that is not known to be right is refused.
"""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

COOKIE: Final = "uploadfilter_issuer"

_SAME: Final = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site`` of requests from this page, and of addresses that people type."""


class NotLetIn(StrEnum):
    """The reasons why a request is refused."""

    HOST = "host"
    ORIGIN = "origin"
    SPENT = "spent"
    STRANGER = "stranger"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Secrets of the right browser, each at least 128 random bits as text."""

    link: str
    session: str
    form: str


class BrowserSession:
    """Admits one browser.

    Args:
        secrets: The secrets of this run of the page.
        authority: Host and port as a browser names them: ``127.1.2.3:4567``.
    """

    def __init__(self, secrets: Secrets, *, authority: str) -> None:
        self._secrets = secrets
        self._authority = authority
        self._is_spent = False

    @property
    def form(self) -> str:
        """The number in every form of the page."""
        return self._secrets.form

    def enter(self, link: str) -> str | NotLetIn:
        """Return the cookie in exchange for the link, which is valid once."""
        if not _same(link, self._secrets.link):
            return NotLetIn.STRANGER
        if self._is_spent:
            return NotLetIn.SPENT
        self._is_spent = True
        return self._secrets.session

    def stranger(
        self, *, host: str, origin: str | None, site: str | None, changes: bool
    ) -> NotLetIn | None:
        """Return why a request cannot come from this page, by its header fields.

        Args:
            host: The field Host; another name means that a site made its own name point
                here (DNS rebinding).
            origin: The field Origin, which browsers send with requests that change
                something.
            site: The field Sec-Fetch-Site, which newer browsers send.
            changes: Whether the request may change something.
        """
        if host != self._authority:
            return NotLetIn.HOST
        if origin is None:
            if changes:
                return NotLetIn.ORIGIN
        elif origin != f"http://{self._authority}":
            return NotLetIn.ORIGIN
        if changes and site is not None and site not in _SAME:
            return NotLetIn.ORIGIN
        return None

    def knows(self, cookie: str) -> NotLetIn | None:
        """Return why a cookie is not that of the one browser."""
        if self._is_spent and _same(cookie, self._secrets.session):
            return None
        return NotLetIn.STRANGER

    def knows_form(self, number: str) -> NotLetIn | None:
        """Return why a form does not belong to this page."""
        return None if _same(number, self._secrets.form) else NotLetIn.FORM


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())
