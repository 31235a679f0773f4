"""Settings of sealed evidence: the table ``[sealed_evidence]``."""

from dataclasses import dataclass
from typing import Final

from uploadfilter.sealing.envelope import (
    MOST_RECIPIENTS,
    Recipient,
    parse_recipient,
)

MOST_CATEGORIES: Final = 50
"""No hash set has more categories; a longer list is a mistake."""

MOST_DAYS: Final = 3650
"""Ten years: no retention duty lasts longer, and more is a typing error."""

MOST_FILES_A_DAY: Final = 1_000_000
"""Twelve a second: more is a typing error, and would fill a disk in days."""

_HEADER_CHARACTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEvidenceSettings:
    """Whether details of a rejected upload are kept, sealed to the police's keys.

    The proxy cannot open a sealed file. It holds the time, the full address and port,
    the account, the route, the decision's id and the matched entries; never a picture.

    Attributes:
        recipients: Public keys of the police, each as ``NAME:KEY`` with 64 hex digits,
            as ``uploadfilter issuer key --evidence`` prints them; at most 5. Empty
            keeps no evidence.
        needed: How many of the recipients must open a file together; 1 lets each of
            them open it alone.
        categories: Categories of entries; only a rejected match of one of them is
            kept, because the law asks for nothing else.
        keep_days: Whole days that a sealed file is kept after its own day. Ninety days
            give the police the time to ask for it; a longer time needs a law.
        account_header: Header in which a trusted proxy names the account that is logged
            in; empty for none. It is believed from ``trusted_proxies`` only, because a
            client could name another person.
        port_header: Header in which a trusted proxy names the client's port; empty for
            none. It is believed from ``trusted_proxies`` only.
        client_files_a_day: Most files of one client and day. The first hundred identify
            the client as well as ten thousand.
        files_a_day: Most files of one day, so that a flood does not fill the disk: a
            file for one recipient takes 2 KB.
        reserve_bytes: Free disk space below which no file is sealed, so that the
            decision log has room; may be 0.
    """

    recipients: tuple[str, ...] = ()
    needed: int = 1
    categories: tuple[str, ...] = ()
    keep_days: int = 90
    account_header: str = ""
    port_header: str = ""
    client_files_a_day: int = 100
    files_a_day: int = 10_000
    reserve_bytes: int = 1024 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse unusable keys, and bounds that make no sense."""
        if len(self.recipients) > MOST_RECIPIENTS:
            raise ValueError(
                f"recipients must be at most {MOST_RECIPIENTS}, "
                f"not {len(self.recipients)}"
            )
        keys = [it.key for it in self.parsed_recipients]
        if len(set(keys)) < len(keys):
            raise ValueError("recipients must be different keys")
        self._check_categories()
        if not 1 <= self.needed <= max(1, len(self.recipients)):
            raise ValueError(
                f"needed must be from 1 to the number of recipients, not {self.needed}"
            )
        self._check_bounds()

    def _check_categories(self) -> None:
        if self.recipients and not self.categories:
            raise ValueError("categories must name at least one category")
        if len(self.categories) > MOST_CATEGORIES:
            raise ValueError(f"categories must be at most {MOST_CATEGORIES}")

    def _check_bounds(self) -> None:
        if not 1 <= self.keep_days <= MOST_DAYS:
            raise ValueError(
                f"keep_days must be from 1 to {MOST_DAYS}, not {self.keep_days}"
            )
        for name in ("client_files_a_day", "files_a_day"):
            value: int = getattr(self, name)
            if not 1 <= value <= MOST_FILES_A_DAY:
                raise ValueError(
                    f"{name} must be from 1 to {MOST_FILES_A_DAY}, not {value}"
                )
        if self.reserve_bytes < 0:
            raise ValueError("reserve_bytes must be at least 0")
        for name in ("account_header", "port_header"):
            header: str = getattr(self, name)
            if not set(header) <= _HEADER_CHARACTERS:
                raise ValueError(f"{name} must be the name of a header, not {header!r}")

    @property
    def enabled(self) -> bool:
        """Whether evidence is kept."""
        return bool(self.recipients)

    @property
    def parsed_recipients(self) -> tuple[Recipient, ...]:
        """The recipients.

        Raises:
            ValueError: A text is not a recipient.
        """
        return tuple(map(parse_recipient, self.recipients))
