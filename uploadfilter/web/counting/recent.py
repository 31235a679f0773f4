"""Remember the last decisions, for the operator's page.

Some decisions of each kind are kept separately, so that ten rejections are still there
after hundreds of accepted uploads. The log has all decisions.

Rules this module keeps: it holds no more of an upload than the page shows, which is
less than the record has: no address, no content, no entry; and its size is bounded,
whatever is uploaded.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from uploadfilter.decisions.records.records import DecisionRecord, MatchRecord
from uploadfilter.model import Action, MatchKind, Mode, Reason, SignalType, Verdict

REMEMBERED: Final = 50
"""Decisions that are shown: a screen or two."""

KEPT_OF_EACH: Final = 20
"""Decisions that are kept of one kind, however many of other kinds follow them."""

MOST_KINDS: Final = 256
"""Kinds of decisions that are kept separately, 3 MB of decisions in all; the kind with
the oldest last decision is dropped first."""

CLIENT_DIGITS: Final = 8
"""Digits of a client's keyed hash: enough to see that two uploads come from one client;
the log has the whole hash."""

SETS_SHOWN: Final = 4
"""Names of hash sets that one decision shows; a picture is rarely in more."""

KINDS_SHOWN: Final = 3
"""Kinds of contents that one decision shows: a form has several files."""

_Kind: TypeAlias = tuple[str, str, str, str, str]
"""Verdict, action, reason, kind of the first content, and route."""

_Numbered: TypeAlias = "tuple[int, RecentDecision]"
"""A decision, and its number among all."""

FIELDS: Final = ("verdict", "action", "reason", "kind", "route")
"""The fields by which decisions are filtered, in the order of ``_Kind``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestMatch:
    """The part of a match that the page shows: not the entry, nor its category.

    Attributes:
        signal_type: The type that matched.
        kind: The rule that found it.
        distance: Bits that differ.
        chance: E; ``None`` if it was not computed.
        outline: The outline as text; ``None`` for everything but an altered copy.
        frame_s: Time of the frame of a video, in seconds; ``None`` for anything else.
    """

    signal_type: SignalType
    kind: MatchKind
    distance: int
    chance: float | None
    outline: str | None
    frame_s: float | None = None

    @classmethod
    def of(cls, match: MatchRecord) -> "NearestMatch":
        """Take the part of a record that may be shown."""
        return cls(
            signal_type=match.signal_type,
            kind=match.kind,
            distance=match.distance,
            chance=match.chance,
            outline=match.outline,
            frame_s=match.frame_s,
        )


class RecentDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a decision that the page shows.

    Attributes:
        id: Id of the decision, for ``log show --id``.
        time: When it was recorded, UTC.
        verdict: The verdict.
        action: The action by the policy.
        effect: The effect.
        would: The action of the policy if every hash set were enforced.
        mode: Whether the action was carried out.
        reason: The reason, if it was not a match.
        sets: Names of the hash sets that matched, at most ``SETS_SHOWN``.
        kinds: Kinds of the upload's contents, at most ``KINDS_SHOWN``.
        route: Name of the route; empty if none is on record.
        client: First digits of the keyed hash; empty if there is none.
        duration_ms: From the head of the request to the decision.
        match: The most important match; ``None`` if nothing matched.
    """

    id: str
    time: datetime
    verdict: Verdict
    action: Action
    effect: Action
    would: Action
    mode: Mode
    reason: Reason | None
    sets: tuple[str, ...]
    kinds: tuple[str, ...]
    route: str
    client: str
    duration_ms: float
    match: NearestMatch | None = None

    @classmethod
    def of(cls, record: DecisionRecord) -> "RecentDecision":
        """Take the part of a record that may be shown."""
        # The members of a container are not the uploaded content itself.
        kinds = (item.kind for item in record.contents if "!" not in item.path)
        return cls(
            id=record.id,
            time=record.time,
            verdict=record.verdict,
            action=record.action,
            effect=record.effect,
            would=record.if_enforced[0],
            mode=record.mode,
            reason=record.reason,
            sets=tuple(dict.fromkeys(match.set for match in record.matches))[
                :SETS_SHOWN
            ],
            kinds=tuple(dict.fromkeys(kinds))[:KINDS_SHOWN],
            route=record.route or "",
            client=(record.client or "")[:CLIENT_DIGITS],
            duration_ms=record.duration_ms,
            match=NearestMatch.of(record.matches[0]) if record.matches else None,
        )

    @property
    def kind(self) -> _Kind:
        """The kind by which decisions are kept separately."""
        first = self.kinds[0] if self.kinds else ""
        return self.verdict, self.action, self.reason or "", first, self.route


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A filter of decisions; an empty field allows any value.

    Attributes:
        verdict: Verdict of the decision.
        action: Action of the decision.
        reason: Reason of the decision.
        kind: Kind of a content.
        route: Name of the route.
        id: Id of a decision.
    """

    verdict: str = ""
    action: str = ""
    reason: str = ""
    kind: str = ""
    route: str = ""
    id: str = ""

    def admits(self, item: RecentDecision) -> bool:
        """Tell whether a decision passes the filter."""
        return (
            self.verdict in ("", item.verdict)
            and self.action in ("", item.action)
            and self.reason in ("", item.reason or "")
            and (not self.kind or self.kind in item.kinds)
            and self.route in ("", item.route)
            and self.id in ("", item.id)
        )


EVERYTHING: Final = Wanted()


class RecentDecisions:
    """The last decisions, and the last of each kind."""

    def __init__(self) -> None:
        self._count = 0
        self._last: deque[_Numbered] = deque(maxlen=REMEMBERED)
        self._kinds: OrderedDict[_Kind, deque[_Numbered]] = OrderedDict()

    def __iter__(self) -> Iterator[RecentDecision]:
        """Yield the last decisions of all kinds, the newest first."""
        return (item for _, item in tuple(self._last))

    def add(self, record: DecisionRecord) -> None:
        """Remember a decision that is on record, and forget the oldest."""
        item = RecentDecision.of(record)
        self._count += 1
        self._last.appendleft((self._count, item))
        ring = self._kinds.setdefault(item.kind, deque(maxlen=KEPT_OF_EACH))
        ring.append((self._count, item))
        self._kinds.move_to_end(item.kind)
        if len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)

    def chosen(self, wanted: Wanted) -> tuple[RecentDecision, ...]:
        """Return the kept decisions that pass a filter, newest first.

        Args:
            wanted: The filter; the last ``REMEMBERED`` decisions that pass are
                returned.
        """
        if wanted == EVERYTHING:
            return tuple(self)
        # For a frequent kind, the last ones of all may include more than its own list.
        found = {
            number: item
            for kept in (self._last, *self._kinds.values())
            for number, item in kept
            if wanted.admits(item)
        }
        newest = sorted(found, reverse=True)[:REMEMBERED]
        return tuple(found[number] for number in newest)

    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """Return the choices for each of ``FIELDS``: the values of kept decisions."""
        columns = zip(*self._kinds, strict=True) if self._kinds else ((),) * len(FIELDS)
        return {
            name: tuple(sorted({word for word in column if word}))
            for name, column in zip(FIELDS, columns, strict=True)
        }
