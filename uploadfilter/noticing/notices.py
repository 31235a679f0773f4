"""A notice: where somebody saw pictures of abuse, what, and perhaps how to reach them.

Rules this module keeps: it is pure; every field is bounded text; a notice holds no
file, no address of the client and nothing else that was not typed into the form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

MOST_WHERE: Final = 2000
"""Characters of an address: browsers open none that is longer."""

MOST_WHAT: Final = 4000
MOST_CONTACT: Final = 200

FORMAT: Final = 1
"""Grows when a present reader would misunderstand the JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotlineNotice:
    """One notice.

    Attributes:
        id: Random hex digits; the same for each try to deliver it.
        received_s: When it came, in seconds since the epoch.
        where: An address, or words.
        what: What can be seen there; may be empty.
        contact: How to reach the sender; may be empty.
        language: Language tag of the form.
    """

    id: str
    received_s: float
    where: str
    what: str = ""
    contact: str = ""
    language: str = "en"

    def document(self) -> dict[str, object]:
        """Return it as an object for a hotline's address."""
        at = datetime.fromtimestamp(self.received_s, UTC)
        return {
            "notice": FORMAT,
            "id": self.id,
            "received": at.isoformat(timespec="seconds"),
            "where": self.where,
            "what": self.what,
            "contact": self.contact,
            "language": self.language,
        }

    def mail(self, *, sender: str, to: str) -> EmailMessage:
        """Return it as a mail for a hotline's mailbox.

        No field of the form stands in a header, so none can add one.

        Args:
            sender: Address of the sender.
            to: Address of the mailbox.
        """
        at = datetime.fromtimestamp(self.received_s, UTC)
        message = EmailMessage(policy=SMTP)
        message["From"] = sender
        message["To"] = to
        message["Subject"] = f"Notice {self.id}"
        message["Date"] = at
        message["Message-ID"] = f"<{self.id}@{sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(
            f"Received: {at:%Y-%m-%d %H:%M} UTC\nLanguage: {self.language}\n\n"
            f"Where:\n{self.where}\n\nWhat:\n{self.what or '-'}\n\n"
            f"Contact:\n{self.contact or '-'}\n"
        )
        return message


def faults_of(fields: Mapping[str, str]) -> str:
    """Return the name of the text that says why a notice cannot be taken in.

    Args:
        fields: ``where``, ``what`` and ``contact``, as they were cleaned.

    Returns:
        The name of a text of the form; empty if the notice is fit.
    """
    if not fields["where"]:
        return "no_where"
    bounds = {"where": MOST_WHERE, "what": MOST_WHAT, "contact": MOST_CONTACT}
    if any(len(fields[name]) > most for name, most in bounds.items()):
        return "too_long"
    return ""


def pause_s(tries: int) -> float:
    """Return the seconds until a notice is sent again: one minute, then longer.

    Args:
        tries: How often it was tried, from 1.
    """
    return min(_FIRST_PAUSE_S * 2.0 ** min(tries - 1, _DOUBLINGS), _LONGEST_PAUSE_S)


_FIRST_PAUSE_S: Final = 60.0
_DOUBLINGS: Final = 10
_LONGEST_PAUSE_S: Final = 3600.0
"""A hotline that was down for a night is tried within the hour after."""
