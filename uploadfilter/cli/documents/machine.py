"""The JSON of the commands about the machine, its files and its settings."""

from datetime import datetime
from typing import Any, TypedDict

from uploadfilter.doctor.results import Diagnosis
from uploadfilter.model import (
    Geometry,
    MatchKind,
    Reason,
    SignalType,
    Variant,
    Verdict,
)


class MistakeJSON(TypedDict):
    """A mistake in a configuration."""

    source: str
    line: int | None
    key: str
    problem: str
    hint: str


class ConfigCheckJSON(TypedDict):
    """The check of a configuration."""

    file: str | None
    usable: bool
    problems: list[MistakeJSON]
    faults: list[MistakeJSON]
    warnings: list[MistakeJSON]


class SettingJSON(TypedDict):
    """A setting in force."""

    key: str
    value: Any
    source: str


class SettingsJSON(TypedDict):
    """Every setting in force."""

    file: str | None
    settings: list[SettingJSON]


class CheckupJSON(TypedDict):
    """The results of the doctor."""

    config: str | None
    healthy: bool
    checks: list[Diagnosis]


class BackupJSON(TypedDict):
    """A backup that was written or restored."""

    file: str
    state: str
    made: datetime
    files: int
    bytes: int


class TokenJSON(TypedDict):
    """A token, without itself."""

    name: str
    scope: str
    per_minute: int
    at_once: int


class ViewJSON(TypedDict):
    """The signals of one view of a picture."""

    name: str
    pdq: str | None
    pdq_quality: int | None
    phash: str | None


class MatchJSON(TypedDict):
    """An entry that a content matches."""

    set: str
    entry: str
    category: str
    signal_type: SignalType
    distance: int
    view: str | None
    variant: Variant | None
    geometry: Geometry | None
    complement: bool
    kind: MatchKind
    chance: float | None
    outline: str | None
    frame_s: float | None


class ScannedFileJSON(TypedDict):
    """A file, or a content inside of one."""

    path: str
    verdict: Verdict
    reason: Reason | None
    exact: dict[str, str] | None
    views: list[ViewJSON]
    contents: list["ScannedFileJSON"]
    dropped: int
    seen_percent: int | None
    matches: list[MatchJSON]


class FoundEntryJSON(TypedDict):
    """An entry that a signal matches; the chance is of PDQ alone."""

    set: str
    entry: str
    category: str
    distance: int
    chance: float | None


class LookedUpJSON(TypedDict):
    """A signal, and the entries that it matches; null for a line that is no signal."""

    signal_type: str
    value: str | None
    generation: int
    matches: list[FoundEntryJSON] | None


class LookBackJSON(TypedDict):
    """The numbers of stored files that were scanned."""

    scanned: int
    known: int
    unchecked: int
    bytes: int
    troubles: dict[str, int]
