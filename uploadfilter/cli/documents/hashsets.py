"""The JSON of ``uploadfilter hashset``."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.entries.off import Party
from uploadfilter.signedsets.freshness import Failure, Freshness


class SourceJSON(TypedDict):
    """Where the entries of a set came from, and their numbers."""

    sha256: str | None
    bytes: int
    lines: int
    refused: dict[str, int]
    duplicates: int
    withdrawn: int
    listed_again: int


class HashSetJSON(TypedDict):
    """A hash set in force."""

    name: str
    issuer: str
    categories: list[str]
    enforced: bool
    imported_at: datetime
    entries: int
    revoked: int
    exact_alone: int
    counts: dict[str, dict[str, int]]
    source: SourceJSON


class RemovedSetJSON(HashSetJSON):
    """A hash set that was removed."""

    generation: int


class SignedStateJSON(TypedDict):
    """The state of a signed set; times that are not known are null."""

    issuer: str
    sequence: int
    signers: list[str]
    source: str
    root: str
    freshness: Freshness
    synced_at: datetime | None
    expires_at: datetime | None
    expires: str
    held_back: int
    failure: Failure | None


class ListedSetJSON(TypedDict):
    """A hash set of the list; one that was trusted and never came lacks most of it."""

    name: str
    issuer: NotRequired[str]
    categories: NotRequired[list[str]]
    enforced: NotRequired[bool]
    imported_at: NotRequired[datetime]
    entries: NotRequired[int]
    revoked: NotRequired[int]
    exact_alone: NotRequired[int]
    counts: NotRequired[dict[str, dict[str, int]]]
    source: NotRequired[SourceJSON]
    in_force: int
    canaries: int
    suppressed: int
    quarantined: int
    withdrawn: int
    demoted: int
    signed: SignedStateJSON | None
    canary_found_at: datetime | None


class ShownSetJSON(ListedSetJSON):
    """A hash set that was named."""

    first_ids: NotRequired[list[str]]
    lack: NotRequired[str | None]


class SetListJSON(TypedDict):
    """The hash sets."""

    generation: int
    lack: str | None
    sets: list[ListedSetJSON]


class OffRowJSON(TypedDict):
    """An entry that a party has switched off."""

    set: str
    entry: str
    party: Party
    by: str
    why: str
    since: datetime | None
    until: datetime | None


class OffListJSON(TypedDict):
    """The entries that are off."""

    generation: int
    off: list[OffRowJSON]


class GateFindingJSON(TypedDict):
    """An entry that matches harmless files, or lies near some."""

    finding: Literal["quarantined", "refused", "near"]
    sequence: int
    set: str
    entry: str
    match: NotRequired[str | None]
    bits: NotRequired[int | None]
    corpus: NotRequired[str | None]
    since: NotRequired[datetime]
    near: NotRequired[int]


class PartJSON(TypedDict):
    """A base or an overlay."""

    number: int
    bytes: int


class GenerationJSON(TypedDict):
    """A generation that is in force, or kept."""

    generation: int
    pinned: bool
    at: datetime | None
    kind: ChangeKind
    subject: str | None
    sets: int
    entries: int
    base: PartJSON
    overlay: PartJSON


class GenerationListJSON(TypedDict):
    """The generations, newest first."""

    generations: list[GenerationJSON]


class BaseNumbersJSON(TypedDict):
    """The numbers of a base."""

    bytes: int
    entries: int
    hidden_entries: int


class OverlayNumbersJSON(TypedDict):
    """The numbers of an overlay."""

    bytes: int
    entries: int
    revoked: int
    suppressed: int


class TypeNumbersJSON(TypedDict):
    """The signals of one type in one set."""

    set: str
    entries: int
    signal_type: SignalType
    signals: int
    bytes: int


class ChunkJSON(TypedDict):
    """A part of a value that is looked up."""

    bits: int
    radius: int


class TableNumbersJSON(TypedDict):
    """A table, and how it is searched."""

    half: str
    signal_type: SignalType
    geometry: Geometry | None
    values: int
    sets: dict[str, int]
    value_bytes: int
    index_bytes: int
    threshold: int
    plan: str
    chunks: list[ChunkJSON]
    probes: int
    candidates: float
    skew: float
    largest_bucket: int
    query_us: float


class StatsJSON(TypedDict):
    """The parts of the reference set, and the costs of a query."""

    generation: int
    pinned: bool
    entries: int
    base: BaseNumbersJSON
    overlay: OverlayNumbersJSON
    sets: list[TypeNumbersJSON]
    tables: list[TableNumbersJSON]
    query_us: dict[str, float]


class CorpusJSON(TypedDict):
    """A known-good corpus."""

    name: str
    pictures: int
    digests: int
    source: str
    sha256: str
    added_at: datetime


class NewCorpusJSON(CorpusJSON):
    """A known-good corpus that was imported."""

    bad: int


class CorpusListJSON(TypedDict):
    """The known-good corpora."""

    corpora: list[CorpusJSON]


class RefusedJSON(TypedDict):
    """Lines of a file that were left out for one reason."""

    reason: str
    count: int
    first_line: int


class ColumnJSON(TypedDict):
    """A column of CSV, with shapes of its first cells."""

    field: str
    column: str
    shapes: list[str]


class TableJSON(TypedDict):
    """How CSV was read."""

    encoding: str
    delimiter: str
    columns: list[ColumnJSON]
    other_columns: int
    has_heading: bool
    unread_columns: list[str]
    empty_columns: list[str]


class SurveyJSON(TypedDict):
    """The contents of a file."""

    lines: int
    accepted: int
    refused: list[RefusedJSON]
    categories: dict[str, int]
    ignored_fields: dict[str, int]
    not_compared: dict[str, int]
    format: str | None
    no_pictures: dict[str, int]
    table: TableJSON | None


class PreviewJSON(SurveyJSON):
    """The contents of a file that was not imported."""

    sha256: str


class ImportJSON(SurveyJSON):
    """An imported file."""

    set: HashSetJSON
    generation: int
    replaced: HashSetJSON | None


class EnforcedJSON(TypedDict):
    """Whether a set rejects uploads."""

    set: str
    enforced: bool
    generation: int


class EntryJSON(TypedDict):
    """An entry of a set."""

    set: str
    entry: str


class DifferenceJSON(TypedDict):
    """A file that would begin or cease to match."""

    path: str
    begins: list[EntryJSON]
    ends: list[EntryJSON]


class SwitchedOffJSON(TypedDict):
    """An entry that was switched off."""

    set: str
    entry: str
    reason: str
    by: str
    since: datetime | None
    expires_at: datetime | None
    generation: int


class SwitchedOnJSON(TypedDict):
    """An entry whose rows have ended."""

    set: str
    entry: str
    lifted: list[Party]
    off: list[Party]
    generation: int


class ReturnedJSON(TypedDict):
    """The generation that a rollback put in force."""

    returned_to: int
    generation: int
    pinned: bool
    kept_out: dict[str, int]
    monitored: list[str]


class ReleasedJSON(TypedDict):
    """A generation that may be changed again."""

    generation: int
    pinned: bool


class TrustedJSON(TypedDict):
    """A root that is trusted from now on."""

    set: str
    root: str
    holders: str


class SyncedJSON(TypedDict):
    """A signed set after a sync."""

    set: str
    older: int
    sequence: int
    generation: int
    entries: int
    new: bool
    full: bool
    withdrawn: int
    held_back: int
    quarantined: int
    near: int
    signers: list[str]
    expires_at: datetime


class FeedbackJSON(TypedDict):
    """The numbers of a file for the issuer."""

    set: str
    entries: int
    matches: int


class BuiltCorpusJSON(TypedDict):
    """The numbers of a corpus that was built."""

    files: int
    pictures: int
    digests: int
    no_picture: int
    unreadable: int
    resumed: int
