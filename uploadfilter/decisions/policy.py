"""Decide on an upload: derive verdict, action and effect from the evidence.

``decide`` is the only place in the product that decides. It is a pure function, and
``docs/decision-table.md`` is its specification: a test reads that page row by row.

How it works: every piece of evidence becomes a ``_Contribution``, an action with its
reason. The strictest contribution is the action, so no evidence can hide other
evidence: a monitored match does not hide a listed picture in the same form, and a
harmless content does not hide one that could not be decoded. Because only the strictest
one counts, the order of scans and matches does not matter.

A judgement also holds the action that the policy *would* choose if every hash set were
enforced. A pilot begins with hash sets that are only monitored, and counts these
actions.

Rules this module keeps: more evidence never makes an action milder; in ``ENFORCE`` the
effect is the action; ``would`` is never milder than the action.

To add a reason, add a member of ``model.Reason``, and follow ``tests/test_reasons.py``;
``CONTRIBUTING.md`` lists the steps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from uploadfilter.decisions.accepting import Accept
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.model import (
    EXEMPTIONS,
    INCAPACITY,
    QUALITY_FLOOR,
    REFUSALS,
    Action,
    EntryState,
    Match,
    MatchKind,
    Mode,
    Preset,
    Reason,
    Scan,
    SignalType,
    Verdict,
)

UNFORWARDABLE = frozenset(
    {
        Reason.MALFORMED_REQUEST,  # the end of its body is unknown
        Reason.TOO_LARGE,  # the body is over the limit, and its rest was never read
        Reason.TOO_SLOW,  # the body never arrived whole
        Reason.ABORTED,  # the client is gone
        Reason.LOG_UNWRITABLE,  # no upload passes without a record
    }
)
"""The failures after which an upload cannot be forwarded, in any mode."""

FIGHTING = frozenset(
    {
        Reason.CRASHED,
        Reason.OUT_OF_MEMORY,
        Reason.TOO_COMPRESSED,
        Reason.TOO_MANY_JPEG_SCANS,
    }
)
"""The reasons of content that was made to attack a scanner, which no honest file is:
it is rejected, whatever the policy."""

OVER_BUDGET = frozenset(
    {
        Reason.TOO_MANY_PIXELS,
        Reason.OUT_OF_TIME,
        Reason.TOO_MANY_CONTENTS,
        Reason.TOO_MANY_SIGNALS,
        Reason.TOO_MANY_VIEWS,
        Reason.KEY_FRAME_UNSEEN,
        Reason.TOO_MANY_BYTES,
        Reason.TOO_DEEP,
    }
)
"""The reasons of content that costs more than its budget, so that a part of it that
people see was not compared. They have one action together."""

_EVERYTHING = Accept()

_STRICTNESS = {Action.ACCEPT: 0, Action.RETRY_LATER: 1, Action.REJECT: 2}

BY_WEIGHT = (
    # A reason that ended the whole upload explains the answer best.
    Reason.ABORTED,
    Reason.MALFORMED_REQUEST,
    Reason.AMBIGUOUS_REQUEST,
    Reason.TOO_LARGE,
    Reason.TOO_SLOW,
    Reason.MALFORMED_FORM,
    Reason.UNSUPPORTED_CODING,
    Reason.PIECEWISE_UPLOAD,
    Reason.NOT_ACCEPTED,
    Reason.LOG_UNWRITABLE,
    Reason.SPOOL_FULL,
    Reason.NO_REFERENCE_SET,
    Reason.NO_SCANNER,
    Reason.OVERLOADED,
    Reason.INTERNAL_ERROR,
    Reason.MATCH_BUDGET,
    Reason.TOO_MANY_UPLOADS,
    # The evidence points at an entry.
    Reason.LOW_QUALITY,
    Reason.NEAR_MATCH,
    # The content is unknown.
    Reason.UNREADABLE,
    # Content that attacks the scanner; the most probably deliberate one first.
    Reason.CRASHED,
    Reason.OUT_OF_MEMORY,
    Reason.OUT_OF_TIME,
    Reason.TOO_COMPRESSED,
    Reason.TOO_MANY_PIXELS,
    Reason.TOO_MANY_JPEG_SCANS,
    Reason.TOO_MANY_BYTES,
    Reason.TOO_DEEP,
    Reason.TOO_MANY_CONTENTS,
    Reason.TOO_MANY_VIEWS,
    Reason.TOO_MANY_SIGNALS,
    Reason.ENCRYPTED,
    Reason.UNDECODABLE,
    Reason.TRUNCATED,
    Reason.KEY_FRAME_UNSEEN,
    # Everyday content that was not inspected completely.
    Reason.EVIDENCE_UNFINISHED,
    Reason.TOO_MANY_FRAMES,
    Reason.VIDEO_UNFINISHED,
    Reason.SEARCH_UNFINISHED,
    Reason.NOT_INSPECTED,
    # The operator excluded it from inspection.
    Reason.EXEMPT,
)
"""Every reason, ordered by how well it explains an answer."""

_WEIGHT = {reason: -place for place, reason in enumerate(BY_WEIGHT)}
_MATCH_WEIGHT = 1  # above every reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The action for every reason whose action the operator may choose.

    Most fields have the names of members of ``Reason``. Refused requests and content
    that attacks the scanner are always rejected, and incapacity is always answered "try
    again later": these reasons have no field.

    The defaults are the preset ``balanced``.

    >>> policy = Policy(altered=Action.REJECT)
    >>> policy.encrypted, policy.altered
    (<Action.ACCEPT: 'ACCEPT'>, <Action.REJECT: 'REJECT'>)
    >>> policy.is_as_strict_as(Policy())
    True

    Attributes:
        undecodable: The content has the magic of a picture or is declared as one, but
            does not decode: a browser might still show it.
        truncated: Browsers show the part of a picture that they have.
        over_budget: The content costs too much to be compared whole: a bomb, or a file
            whose listed picture is the last of many. The reasons are ``out_of_time``,
            ``too_many_pixels``, ``too_many_bytes``, ``too_many_contents``,
            ``too_many_views``, ``too_many_signals``, ``too_deep`` and
            ``key_frame_unseen``.
        too_many_frames: Long animations are everyday content. The first, the last and
            the longest shown frame were compared, and evenly spaced frames between.
        video_unfinished: Long videos are everyday content. Frames over the whole length
            were compared, but not one of every second.
        search_unfinished: All data that begins like a picture was compared; the search
            for pictures in the middle of bytes was not finished. Large everyday files
            cause it.
        encrypted: No part of the file was inspected, and a visitor without the password
            sees no part of it either. Documents with a password are everyday files.
        not_inspected: Files that this version does not inspect (drawings in SVG) are
            everyday content; operators would switch off a filter that rejects them.
        piecewise_upload: A picture in two pieces is never inspected whole: if pieces
            are accepted, each is inspected by itself.
        low_quality: Deliberately lowered contrast causes it, and a style sheet can
            restore the contrast.
        near_match: An entry is nearer than ordinary pictures are, but chance may
            explain it: PDQ beyond the threshold, or one 64-bit signal alone.
        altered: An altered copy: PDQ is beyond the threshold, and chance does not
            explain it. First count, then reject. The action is never stricter than that
            of the entry's category, and is that of ``evidence_unfinished``, too. With
            ``accept``, copies are looked for after the answer, and only counted; with
            any other action before it, in each upload that matches nothing.
        categories: The action for a match, by the category of its entry in the issuer's
            words; ``REJECT`` for every other category.
        preset: The preset that gives the action of each reason without a key of its own
            (``presets.py``).
    """

    undecodable: Action = Action.REJECT
    truncated: Action = Action.REJECT
    over_budget: Action = Action.REJECT
    too_many_frames: Action = Action.ACCEPT
    video_unfinished: Action = Action.ACCEPT
    search_unfinished: Action = Action.ACCEPT
    encrypted: Action = Action.ACCEPT
    not_inspected: Action = Action.ACCEPT
    piecewise_upload: Action = Action.REJECT
    low_quality: Action = Action.REJECT
    near_match: Action = Action.ACCEPT
    altered: Action = Action.ACCEPT
    categories: Mapping[str, Action] = field(default_factory=dict)
    preset: Preset = Preset.BALANCED

    def action_for(self, reason: Reason) -> Action:
        """Return the action for an upload with only ``reason``."""
        if reason in REFUSALS:
            return Action.REJECT
        if reason in INCAPACITY:
            return Action.RETRY_LATER
        if reason in EXEMPTIONS:
            return Action.ACCEPT
        # The others without a choice attack the scanner; if any other should occur
        # here, it may not pass either.
        choice = CHOICE_OF.get(reason)
        return Action.REJECT if choice is None else self.chosen(choice)

    def chosen(self, choice: str) -> Action:
        """Return the action of one of ``CHOICES``."""
        action: Action = getattr(self, choice)
        return action

    def action_for_category(self, category: str) -> Action:
        """Return the action for an upload with only a match of ``category``."""
        return self.categories.get(category, Action.REJECT)

    def is_as_strict_as(self, other: "Policy") -> bool:
        """Return whether this policy is nowhere milder than another one."""
        named = {*self.categories, *other.categories}
        pairs = [
            *((self.chosen(it), other.chosen(it)) for it in CHOICES),
            *(
                (self.action_for_category(it), other.action_for_category(it))
                for it in named
            ),
        ]
        return all(_STRICTNESS[own] >= _STRICTNESS[its] for own, its in pairs)


CHOICES: Final = tuple(
    it.name for it in fields(Policy) if it.name not in {"categories", "preset"}
)
"""The fields of ``Policy`` that are actions."""

CHOICE_OF: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        **{Reason(name): name for name in CHOICES if name in set(Reason)},
        **dict.fromkeys(sorted(OVER_BUDGET), "over_budget"),
        # A search for altered copies that was not finished is held against an upload
        # as an altered copy would be.
        Reason.EVIDENCE_UNFINISHED: "altered",
    }
)
"""The reasons whose action the operator may choose, and the field that states it."""


class _Contribution(NamedTuple):
    """The action for one piece of evidence; a reason of ``None`` is a match."""

    action: Action
    reason: Reason | None
    kind: MatchKind = MatchKind.WITHIN


def decide(
    scans: Sequence[Scan],
    matches: Sequence[Match],
    *,
    mode: Mode,
    policy: Policy,
    failure: Reason | None = None,
    accept: Accept = _EVERYTHING,
) -> Judgement:
    """Decide one upload.

    Args:
        scans: Scans of its contents, with nested ones inside, in any order.
        matches: All matches of all contents, counting or not, in any order.
        mode: Whether the action is executed.
        policy: The action for each reason and category.
        failure: A reason that concerns the upload as a whole: a refusal of the
            request or an incapacity of the filter. ``TOO_LARGE`` is a *body* over the
            limit; a form with too many parts is ``MALFORMED_FORM``.
        accept: What the route takes.

    Returns:
        The judgement. Its reason is the one that determined the action; ``None`` if
        that was a match, and for ``NO_MATCH``.
    """
    of_upload = list(_of_upload(scans, policy=policy, failure=failure, accept=accept))
    contributions = [*of_upload, *_of_matches(matches, policy=policy)]
    action, reason = _strictest(contributions)
    would, would_reason = action, reason
    if any(match.state is EntryState.MONITORED for match in matches):
        enforced = [replace(match, state=EntryState.ACTIVE) for match in matches]
        would, would_reason = _strictest(
            [*of_upload, *_of_matches(enforced, policy=policy)]
        )
    forwarded = mode is Mode.MONITOR and failure not in UNFORWARDABLE
    return Judgement(
        verdict=_verdict(contributions),
        action=action,
        effect=Action.ACCEPT if forwarded else action,
        reason=reason,
        would=would,
        would_reason=would_reason,
        reasons=_reasons(contributions),
        altered={it.kind for it in contributions if it.reason is None}
        == {MatchKind.ALTERED},
    )


def _mildest(one: Action, other: Action) -> Action:
    return min(one, other, key=_STRICTNESS.__getitem__)


def strictest(actions: Iterable[Action]) -> Action:
    """Return the strictest of some actions; ``ACCEPT`` if there is none."""
    return max(actions, key=_STRICTNESS.__getitem__, default=Action.ACCEPT)


def verdict_of(
    scans: Sequence[Scan], matches: Sequence[Match]
) -> tuple[Verdict, Reason | None]:
    """Return the verdict of the evidence, without a policy; ``scan`` prints it.

    Returns:
        The verdict, and the most important reason if it is ``INCONCLUSIVE``.
    """
    policy = Policy()
    contributions = [
        *_of_upload(scans, policy=policy, failure=None, accept=_EVERYTHING),
        *_of_matches(matches, policy=policy),
    ]
    verdict = _verdict(contributions)
    if verdict is not Verdict.INCONCLUSIVE:
        return verdict, None
    return verdict, max(contributions, key=_weight).reason


def _verdict(contributions: Sequence[_Contribution]) -> Verdict:
    """A match outranks a reason, a reason outranks nothing at all."""
    if not contributions:
        return Verdict.NO_MATCH
    if any(item.reason is None for item in contributions):
        return Verdict.MATCH
    return Verdict.INCONCLUSIVE


def _reasons(contributions: Iterable[_Contribution]) -> tuple[Reason, ...]:
    named = {item.reason for item in contributions}
    return tuple(reason for reason in BY_WEIGHT if reason in named)


def _strictest(
    contributions: Iterable[_Contribution],
) -> tuple[Action, Reason | None]:
    """Return the action that wins, with its reason."""
    nothing = _Contribution(Action.ACCEPT, None)
    found = max(contributions, key=_rank, default=nothing)
    return found.action, found.reason


def _rank(contribution: _Contribution) -> tuple[int, int]:
    """Sort key of contributions: the strictest last, then the most important reason."""
    return _STRICTNESS[contribution.action], _weight(contribution)


def _weight(contribution: _Contribution) -> int:
    if contribution.reason is None:
        return _MATCH_WEIGHT
    return _WEIGHT[contribution.reason]


def _of_upload(
    scans: Sequence[Scan], *, policy: Policy, failure: Reason | None, accept: Accept
) -> Iterator[_Contribution]:
    if failure is not None:
        yield _Contribution(policy.action_for(failure), failure)
    for scan in scans:
        for content in scan.walk():
            for lacking in content.reasons:
                is_refused = accept.needs_whole(scan, lacking)
                action = Action.REJECT if is_refused else policy.action_for(lacking)
                yield _Contribution(action, lacking)
    if not accept.takes(scans, is_scanned=failure is None):
        reason = Reason.NOT_ACCEPTED
        yield _Contribution(policy.action_for(reason), reason)


def _of_matches(matches: Sequence[Match], *, policy: Policy) -> Iterator[_Contribution]:
    supports = _supports(matches)
    for match in matches:
        for reason in _shortcomings(match, supports) or (None,):
            yield _contribution_of(match, reason, policy=policy)


def _contribution_of(
    match: Match, reason: Reason | None, *, policy: Policy
) -> _Contribution:
    """Return the contribution of one match: it counts, or it is evidence with a reason.

    A match that does not count never leads to a stricter action than a match, and an
    altered copy to no stricter one than the listed picture.
    """
    if match.state is EntryState.MONITORED:
        return _Contribution(Action.ACCEPT, reason, match.kind)
    action = policy.action_for_category(match.category)
    if match.kind is not MatchKind.WITHIN and _is_low_quality(match):
        action = _mildest(action, policy.low_quality)
    if reason is not None:
        action = _mildest(action, policy.action_for(reason))
    elif match.kind is MatchKind.ALTERED:
        action = _mildest(action, policy.altered)
    return _Contribution(action, reason, match.kind)


def _shortcomings(
    match: Match, supports: dict[tuple[str, ...], set[SignalType]]
) -> tuple[Reason, ...]:
    """Return the reasons why a match does not count; none if it counts.

    A pair of 64-bit matches of a low-quality picture has both reasons: two matches
    that mean little alone, of a flat picture, which is near others by the nature of
    these types.
    """
    if match.signal_type.is_exact:
        return ()
    is_low = _is_low_quality(match)
    if match.kind is not MatchKind.WITHIN:
        is_near = is_low or match.kind is MatchKind.NEAR
        return (Reason.NEAR_MATCH,) if is_near else ()
    if match.signal_type is SignalType.PDQ:
        return (Reason.LOW_QUALITY,) if is_low else ()
    if not supports[_subject(match)] - {_kin(match.signal_type)}:
        return (Reason.NEAR_MATCH,)
    return (Reason.NEAR_MATCH, Reason.LOW_QUALITY) if is_low else ()


def _kin(signal_type: SignalType) -> SignalType:
    """Return the type that stands for all types that compare the same property.

    aHash and wHash both compare the brightness of 8 x 8 fields with the brightness of
    the whole picture: different gradients and pages of text are near in both or
    neither.
    """
    return SignalType.AHASH if signal_type is SignalType.WHASH else signal_type


def _supports(matches: Iterable[Match]) -> dict[tuple[str, ...], set[SignalType]]:
    """Collect, by view and entry, the perceptual types that may support another one.

    A PDQ match of a low-quality picture supports nothing: its bits say little about the
    picture, so it would make a pHash match by chance count. Both are then evidence, and
    ``LOW_QUALITY`` is the more important reason. Nor does an altered copy support
    anything, because then a chance match would reject what the operator only counts.
    Types that compare the same property count as one.
    """
    supports: dict[tuple[str, ...], set[SignalType]] = {}
    for match in matches:
        if match.signal_type.is_exact or match.kind is not MatchKind.WITHIN:
            continue
        types = supports.setdefault(_subject(match), set())
        if match.signal_type is not SignalType.PDQ or not _is_low_quality(match):
            types.add(_kin(match.signal_type))
    return supports


def _subject(match: Match) -> tuple[str, ...]:
    """Return the view and entry of a match; variants of one view count as the same."""
    return match.content, match.set, match.entry, match.view or ""


def _is_low_quality(match: Match) -> bool:
    return match.quality is not None and match.quality < QUALITY_FLOOR
