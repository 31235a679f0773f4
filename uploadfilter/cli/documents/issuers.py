"""The JSON of ``uploadfilter issuer``."""

from datetime import date, datetime
from typing import NotRequired, TypedDict


class PendingJSON(TypedDict):
    """The signatures of one role on a proposal."""

    role: str
    signed_by: list[str]
    missing: int
    others: list[str]


class ProposalJSON(TypedDict):
    """A proposal; without a review only its signatures."""

    older: NotRequired[int]
    newer: NotRequired[int]
    added: NotRequired[int]
    changed: NotRequired[int]
    removed: NotRequired[int]
    entries: NotRequired[int]
    categories: NotRequired[dict[str, tuple[int, int]]]
    full: NotRequired[bool]
    expires: NotRequired[datetime]
    proposed: list[PendingJSON]


class ProposedJSON(ProposalJSON):
    """A proposal that was changed."""

    withdrawn: list[str]
    left_out: dict[str, int]
    not_compared: dict[str, int]
    files: str | None


class SignedJSON(ProposalJSON):
    """A proposal that was signed."""

    signed: list[str]


class PublishedJSON(TypedDict):
    """A set that was published, and copied if that was asked for."""

    sequence: int
    roles: NotRequired[list[str]]
    keeps_staged: NotRequired[bool]
    bytes: NotRequired[int]


class WithdrawnJSON(TypedDict):
    """How many entries were withdrawn, and how many of them the set listed."""

    withdrawn: int
    listed: int


class ExportedJSON(TypedDict):
    """A copy of the set, or of its entries."""

    sequence: int
    bytes: int


class HoldersJSON(TypedDict):
    """Who holds a role."""

    threshold: int
    keys: str


class StagedJSON(TypedDict):
    """The changes that wait for a proposal."""

    added: int
    deleted: int


class StatusJSON(TypedDict):
    """The state of an issuer's folder."""

    set: str
    issuer: str
    sequence: int
    expires: dict[str, datetime]
    holders: dict[str, HoldersJSON]
    entries: int
    withdrawn: int
    left_today: int
    staged: StagedJSON
    proposed: list[PendingJSON]


class KeyJSON(TypedDict):
    """The files of a new key."""

    private: str
    public: str
    name: str
    recipient: NotRequired[str]


class BuiltJSON(TypedDict):
    """The numbers of a folder of pictures."""

    entries: int
    categories: dict[str, int]
    refused: dict[str, int]
    doubtful: dict[str, int]
    files: str | None
    resumed: int
    rows_without_file: int
    generic: NotRequired[list[str]]


class DoubtedJSON(TypedDict):
    """The counts of all operators for one entry."""

    id: str
    days: dict[date, int]
    exact: int
    rejected: int
    operators: int
    suppressed_by: int
    quarantined_by: int
    days_to_first: int | None
    objections: int
    asked_by: int
    matches: int


GapJSON = TypedDict("GapJSON", {"operator": str, "from": date, "to": date})
"""Days of which an operator's log has no matches."""

FeedbackSumJSON = TypedDict(
    "FeedbackSumJSON",
    {
        "files": int,
        "operators": list[str],
        "entries": int,
        "matches": int,
        "from": date,
        "to": date,
        "gaps": list[GapJSON],
        "omitted": int,
    },
)
"""The counts of all operators for all entries, on the last line."""
