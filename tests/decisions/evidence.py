"""Scans and matches to decide about, and the strategies that make them."""

from hypothesis import strategies as st

from uploadfilter.decisions.policy import CHOICES, Policy
from uploadfilter.model import (
    EXEMPTIONS,
    INCAPACITY,
    REFUSALS,
    Action,
    EntryState,
    Geometry,
    Match,
    MatchKind,
    Reason,
    Scan,
    SignalType,
    Variant,
)

CATEGORIES = ("demo", "other")


def scan(
    path: str = "0",
    reason: Reason | None = None,
    *nested: Scan,
    kind: str = "jpeg",
    size: int = 1,
) -> Scan:
    """Return the possible findings of a scanner about a content."""
    return Scan(path=path, kind=kind, size=size, reason=reason, contents=nested)


def match(
    signal_type: SignalType = SignalType.SHA256,
    state: EntryState = EntryState.ACTIVE,
    *,
    quality: int | None = None,
    content: str = "0",
    set: str = "s",  # noqa: A002 -- the glossary's word
    entry: str = "a",
    view: str = "stored",
    variant: Variant = Variant.UPRIGHT,
    category: str = "demo",
    kind: MatchKind = MatchKind.WITHIN,
) -> Match:
    """Return a match; exact types have no view, and only PDQ has a geometry."""
    is_exact = signal_type.is_exact
    return Match(
        content=content,
        set=set,
        entry=entry,
        category=category,
        state=state,
        signal_type=signal_type,
        distance=0,
        view=None if is_exact else view,
        variant=None if is_exact else variant,
        geometry=Geometry.FULL if signal_type is SignalType.PDQ else None,
        quality=quality,
        kind=kind,
        chance=None if kind is MatchKind.WITHIN else 1e-10,
    )


def _reached(signal_type: SignalType) -> st.SearchStrategy[int | None]:
    if signal_type.is_exact:
        return st.none()
    return st.none() | st.integers(0, 100)


@st.composite
def _matches(draw: st.DrawFn) -> Match:
    signal_type = draw(st.sampled_from(SignalType))
    return match(
        signal_type,
        draw(st.sampled_from(EntryState)),
        quality=draw(_reached(signal_type)),
        content=draw(st.sampled_from("01")),
        set=draw(st.sampled_from("st")),
        entry=draw(st.sampled_from("ab")),
        view=draw(st.sampled_from(("stored", "white"))),
        variant=draw(st.sampled_from(Variant)),
        category=draw(st.sampled_from(CATEGORIES)),
        kind=draw(st.sampled_from(MatchKind))
        if signal_type is SignalType.PDQ
        else MatchKind.WITHIN,
    )


CONTENT_REASONS = tuple(
    reason
    for reason in Reason
    if reason not in REFUSALS | {Reason.LOW_QUALITY, Reason.NEAR_MATCH}
)
MATCHES = st.lists(_matches(), max_size=5)
SCANS = st.lists(
    st.builds(
        scan,
        st.sampled_from("01"),
        st.none() | st.sampled_from(CONTENT_REASONS),
    ),
    max_size=3,
)
FAILURES = st.none() | st.sampled_from(sorted(REFUSALS | INCAPACITY | EXEMPTIONS))
POLICIES = st.builds(
    Policy,
    categories=st.dictionaries(st.sampled_from(CATEGORIES), st.sampled_from(Action)),
    **{choice: st.sampled_from(Action) for choice in CHOICES},
)
