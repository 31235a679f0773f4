"""Decide what is done with an upload: from evidence to verdict, action and effect.

``decide`` is the only place in the product that decides. It is a pure function, and
``docs/decision-table.md`` is its specification: a test reads that page row by row.

How it works: every piece of evidence becomes a ``_Contribution``, an action with the
reason for it. The strictest contribution is the action, so that nothing can shield
anything else: not a monitored match a listed picture in the same form, not a harmless
content one that could not be decoded. Because only the strictest counts, the order of
scans and matches cannot matter.

Beside what the policy says stands what it *would* say if every hash set were enforced:
a pilot begins with hash sets that are only monitored, and counts.

Rules this module keeps: more evidence never makes an action milder; in ``ENFORCE`` the
effect is the action; what would be done is never milder than the action.

To add a reason: a member of ``model.Reason``, and what ``tests/test_reasons.py`` then
asks for; the steps stand in ``CONTRIBUTING.md``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

from uploadfilter.model import (
    EXEMPTIONS,
    INCAPACITY,
    QUALITY_FLOOR,
    REFUSALS,
    Action,
    EntryState,
    Judgement,
    Match,
    Mode,
    Preset,
    Reason,
    Scan,
    SignalType,
    Verdict,
)

UNFORWARDABLE = frozenset(
    {
        Reason.MALFORMED_REQUEST,  # where its body ends is unknown
        Reason.TOO_LARGE,  # the body is over the limit, and the rest was never read
        Reason.TOO_SLOW,  # the body never arrived whole
        Reason.ABORTED,  # nobody is there to be answered
        Reason.LOG_UNWRITABLE,  # nothing passes unrecorded
    }
)
"""The failures after which an upload cannot be forwarded, in whichever mode."""

_STRICTNESS = {Action.ACCEPT: 0, Action.RETRY_LATER: 1, Action.REJECT: 2}

BY_WEIGHT = (
    # What ended the whole upload explains the answer best.
    Reason.ABORTED,
    Reason.MALFORMED_REQUEST,
    Reason.AMBIGUOUS_REQUEST,
    Reason.TOO_LARGE,
    Reason.TOO_SLOW,
    Reason.MALFORMED_FORM,
    Reason.UNSUPPORTED_CODING,
    Reason.PIECEWISE_UPLOAD,
    Reason.LOG_UNWRITABLE,
    Reason.SPOOL_FULL,
    Reason.NO_REFERENCE_SET,
    Reason.NO_SCANNER,
    Reason.OVERLOADED,
    Reason.INTERNAL_ERROR,
    Reason.MATCH_BUDGET,
    Reason.TOO_MANY_UPLOADS,
    # Something points at an entry.
    Reason.LOW_QUALITY,
    Reason.WEAK_MATCH,
    # Nothing is known of it.
    Reason.UNREADABLE,
    # Content that fights the scanner, the likelier on purpose the earlier.
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
    # Everyday content that is merely not looked into as a whole.
    Reason.TOO_MANY_FRAMES,
    Reason.SEARCH_UNFINISHED,
    Reason.NOT_INSPECTED,
    # The operator does not want it inspected.
    Reason.EXEMPT,
)
"""Every reason, the one that explains an answer best first."""

_WEIGHT = {reason: -place for place, reason in enumerate(BY_WEIGHT)}
_MATCH_WEIGHT = 1  # above every reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The action for every reason that the operator may choose one for.

    The fields are named like the members of ``Reason``. Refusals of a request are
    always rejected and incapacity is always answered "try again later": there is no
    field for them.

    The defaults are the preset ``balanced``.

    Attributes:
        undecodable: The content bears picture magic or is declared a picture, and does
            not decode: a browser might show it all the same.
        truncated: Browsers show the part of a picture that they have.
        too_many_pixels: A bomb, or a picture that is too large to be decoded.
        out_of_time: Such a content is as easily made on purpose as a bomb.
        out_of_memory: As ``out_of_time``.
        crashed: Two fresh processes crashed, so it was this content.
        too_many_contents: Otherwise the listed picture is the last of many.
        too_many_signals: As ``too_many_contents``, for signals.
        too_many_views: As ``too_many_contents``, for views.
        too_many_frames: Long animations are everyday content. First, last and longest
            shown frame and those evenly between were seen.
        key_frame_unseen: The first, the last or the longest shown frame was not
            compared, so that the picture that people see may be a listed one.
        too_many_jpeg_scans: No encoder writes so many; each costs a whole decode.
        too_many_bytes: The rest of what a container unpacks to was not seen.
        too_compressed: As ``too_many_bytes``, known by the ratio: a bomb.
        too_deep: Nobody nests archives so deep except to hide or to hurt.
        search_unfinished: Everything that begins like a picture was compared, in the
            content and in its members; the search for pictures in the middle of bytes
            was not finished. Large everyday files are like that.
        encrypted: Nothing of the file was seen, and a visitor without the password sees
            nothing of it either. Documents with a password are everyday files.
        not_inspected: Files that this version does not look into (drawings in SVG) are
            everyday content; a filter that rejects them is switched off.
        piecewise_upload: A picture in two pieces is never seen whole. Where pieces are
            taken, each is inspected by itself.
        low_quality: Lowering the contrast on purpose gives it, and a style sheet undoes
            that.
        weak_match: One 64-bit signal alone: ten million entries at 8 bits would hit
            0.3 % of all uploads by chance.
        categories: The action for a match, by the category of its entry in the issuer's
            words; ``REJECT`` for every other category.
        preset: The preset that gives the action of each reason without a key of its own
            (``presets.py``).
    """

    undecodable: Action = Action.REJECT
    truncated: Action = Action.REJECT
    too_many_pixels: Action = Action.REJECT
    out_of_time: Action = Action.REJECT
    out_of_memory: Action = Action.REJECT
    crashed: Action = Action.REJECT
    too_many_contents: Action = Action.REJECT
    too_many_signals: Action = Action.REJECT
    too_many_views: Action = Action.REJECT
    too_many_frames: Action = Action.ACCEPT
    key_frame_unseen: Action = Action.REJECT
    too_many_jpeg_scans: Action = Action.REJECT
    too_many_bytes: Action = Action.REJECT
    too_compressed: Action = Action.REJECT
    too_deep: Action = Action.REJECT
    search_unfinished: Action = Action.ACCEPT
    encrypted: Action = Action.ACCEPT
    not_inspected: Action = Action.ACCEPT
    piecewise_upload: Action = Action.REJECT
    low_quality: Action = Action.REJECT
    weak_match: Action = Action.ACCEPT
    categories: Mapping[str, Action] = field(default_factory=dict)
    preset: Preset = Preset.BALANCED

    def action_for(self, reason: Reason) -> Action:
        """Return what is done with an upload for ``reason`` alone."""
        if reason in REFUSALS:
            return Action.REJECT
        if reason in INCAPACITY:
            return Action.RETRY_LATER
        if reason in EXEMPTIONS:
            return Action.ACCEPT
        # A reason without a field is never an upload's; if it is, nothing may pass.
        action: Action = getattr(self, reason.value, Action.REJECT)
        return action

    def action_for_category(self, category: str) -> Action:
        """Return what is done with an upload for a match of ``category`` alone."""
        return self.categories.get(category, Action.REJECT)

    def is_as_strict_as(self, other: "Policy") -> bool:
        """Tell whether no upload is treated more mildly than by another policy."""
        named = {*self.categories, *other.categories}
        pairs = [
            *((self.action_for(it), other.action_for(it)) for it in CHOOSABLE),
            *(
                (self.action_for_category(it), other.action_for_category(it))
                for it in named
            ),
        ]
        return all(_STRICTNESS[own] >= _STRICTNESS[its] for own, its in pairs)


CHOOSABLE = tuple(
    Reason(field.name)
    for field in fields(Policy)
    if field.name not in {"categories", "preset"}
)
"""The reasons that have a field in ``Policy``, in its order."""


class _Contribution(NamedTuple):
    """What one piece of evidence asks for; a reason of ``None`` is a match."""

    action: Action
    reason: Reason | None


def decide(
    scans: Sequence[Scan],
    matches: Sequence[Match],
    *,
    mode: Mode,
    policy: Policy,
    failure: Reason | None = None,
) -> Judgement:
    """Decide one upload.

    Args:
        scans: Scans of its contents, nested ones inside; the order does not matter.
        matches: All matches of all contents, counting or not; nor does their order.
        mode: Whether the action is carried out.
        policy: Action per reason and category.
        failure: A reason that concerns the upload as a whole: a refusal of the
            request or an incapacity of the filter. ``TOO_LARGE`` is a *body* over the
            limit; a form with too many parts is ``MALFORMED_FORM``.

    Returns:
        The judgement. Its reason is the one that determined the action; ``None`` if
        that was a match, and for ``NO_MATCH``.
    """
    contributions = list(_contributions(scans, matches, policy=policy, failure=failure))
    action, reason = _strictest(contributions)
    would, would_reason = action, reason
    if any(match.state is EntryState.MONITORED for match in matches):
        enforced = [replace(match, state=EntryState.ACTIVE) for match in matches]
        would, would_reason = _strictest(
            _contributions(scans, enforced, policy=policy, failure=failure)
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
    )


def strictest(actions: Iterable[Action]) -> Action:
    """Return the strictest of some actions; ``ACCEPT`` if there is none."""
    return max(actions, key=_STRICTNESS.__getitem__, default=Action.ACCEPT)


def verdict_of(
    scans: Sequence[Scan], matches: Sequence[Match]
) -> tuple[Verdict, Reason | None]:
    """Say what the evidence says, without a policy; ``scan`` prints it.

    Args:
        scans: Scans of one file, or of several.
        matches: All their matches.

    Returns:
        The verdict, and the weightiest reason if it is ``INCONCLUSIVE``.
    """
    contributions = list(_contributions(scans, matches, policy=Policy(), failure=None))
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
    """Return every reason, the weightiest first."""
    named = {item.reason for item in contributions}
    return tuple(reason for reason in BY_WEIGHT if reason in named)


def _strictest(
    contributions: Iterable[_Contribution],
) -> tuple[Action, Reason | None]:
    """Return the action that wins, with its reason."""
    nothing = _Contribution(Action.ACCEPT, None)
    action, reason = max(contributions, key=_rank, default=nothing)
    return action, reason


def _rank(contribution: _Contribution) -> tuple[int, int]:
    """Order contributions: the strictest last, among equals the weightiest."""
    return _STRICTNESS[contribution.action], _weight(contribution)


def _weight(contribution: _Contribution) -> int:
    if contribution.reason is None:
        return _MATCH_WEIGHT
    return _WEIGHT[contribution.reason]


def _contributions(
    scans: Iterable[Scan],
    matches: Sequence[Match],
    *,
    policy: Policy,
    failure: Reason | None,
) -> Iterator[_Contribution]:
    """Yield what every piece of evidence asks for."""
    if failure is not None:
        yield _Contribution(policy.action_for(failure), failure)
    for scan in scans:
        for content in scan.walk():
            for lacking in content.reasons:
                yield _Contribution(policy.action_for(lacking), lacking)
    supports = _supports(matches)
    for match in matches:
        for reason in _shortcomings(match, supports) or (None,):
            yield _contribution_of(match, reason, policy=policy)


def _contribution_of(
    match: Match, reason: Reason | None, *, policy: Policy
) -> _Contribution:
    """Weigh one match: it counts, or it is evidence with a reason.

    What falls short of a match is not held against an upload more than the match is.
    """
    if match.state is EntryState.MONITORED:
        return _Contribution(Action.ACCEPT, reason)
    action = policy.action_for_category(match.category)
    if reason is not None:
        action = min(action, policy.action_for(reason), key=_STRICTNESS.__getitem__)
    return _Contribution(action, reason)


def _shortcomings(
    match: Match, supports: dict[tuple[str, ...], set[SignalType]]
) -> tuple[Reason, ...]:
    """Return why a match does not count; nothing if it does.

    A pair of 64-bit matches of a picture that says little is both: two weak matches,
    and near an entry. A flat picture is near others by the nature of the types.
    """
    if match.signal_type.is_exact:
        return ()
    is_low = _is_low_quality(match)
    if match.signal_type is SignalType.PDQ:
        return (Reason.LOW_QUALITY,) if is_low else ()
    if not supports[_subject(match)] - {_kin(match.signal_type)}:
        return (Reason.WEAK_MATCH,)
    return (Reason.WEAK_MATCH, Reason.LOW_QUALITY) if is_low else ()


def _kin(signal_type: SignalType) -> SignalType:
    """Return the type that stands for those that see the same in a picture.

    aHash and wHash both compare the brightness of 8 x 8 fields with that of the whole:
    different gradients and pages of text are near in both or in neither.
    """
    return SignalType.AHASH if signal_type is SignalType.WHASH else signal_type


def _supports(matches: Iterable[Match]) -> dict[tuple[str, ...], set[SignalType]]:
    """Collect, per view and entry, the perceptual types that may support another.

    A PDQ match of a low-quality picture supports nothing: its bits say little about
    the picture, so that it would make a chance pHash match count. Both then stand as
    evidence, and ``LOW_QUALITY`` is the weightier reason. Types that see the same count
    as one.
    """
    supports: dict[tuple[str, ...], set[SignalType]] = {}
    for match in matches:
        if match.signal_type.is_exact:
            continue
        types = supports.setdefault(_subject(match), set())
        if match.signal_type is not SignalType.PDQ or not _is_low_quality(match):
            types.add(_kin(match.signal_type))
    return supports


def _subject(match: Match) -> tuple[str, ...]:
    """Name what a match is about; the variants of one view count as the same."""
    return match.content, match.set, match.entry, match.view or ""


def _is_low_quality(match: Match) -> bool:
    """Tell whether a view is known to say little; exact matches have no quality."""
    return match.quality is not None and match.quality < QUALITY_FLOOR
