"""Format the result of a scanned file, as JSON and as text.

The JSON shape is a contract (``docs/operating/``): keys may be added, never renamed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.output import document_of, harmless
from uploadfilter.decisions.policy import verdict_of
from uploadfilter.decisions.records.making import frame_s_of
from uploadfilter.issuing.wording import counted
from uploadfilter.model import (
    Geometry,
    Match,
    MatchKind,
    Reason,
    Scan,
    SignalType,
    Variant,
    Verdict,
    View,
)


class ViewJSON(Struct):
    """The signals of one view of a picture."""

    name: str
    pdq: str | None
    pdq_quality: int | None
    phash: str | None


class MatchJSON(Struct):
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


class ScannedFileJSON(Struct):
    """A file, or a content inside of one."""

    path: str
    verdict: Verdict
    reason: Reason | None
    exact: dict[str, str] | None
    views: list[ViewJSON]
    contents: list["ScannedFileJSON"]
    dropped: int
    matches: list[MatchJSON]
    seen_percent: int | None


Quality = Callable[[bytes], int]
"""Computes PDQ's quality, 0 to 100, from ``View.plane``."""

_STYLES = {
    Verdict.MATCH: "bold red",
    Verdict.NO_MATCH: "green",
    Verdict.INCONCLUSIVE: "yellow",
}
_VERDICT_WIDTH = max(len(verdict) for verdict in Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """The result of one file.

    Attributes:
        path: The path as it was named or found; it can be encoded.
        scan: The scan; ``None`` if the file could not be read.
        matches: Its matches, including those of nested contents.
        problem: The reason why there can be no verdict: the file could not be read, or
            there is no reference set. ``None`` otherwise.
        detail: More about the problem, as text.
    """

    path: str
    scan: Scan | None = None
    matches: tuple[Match, ...] = ()
    problem: Reason | None = None
    detail: str = ""

    def judged(self) -> tuple[Verdict, Reason | None]:
        """Return verdict and reason of the file as a whole."""
        return _judged(self.scan, self.matches, self.problem)


def _judged(
    scan: Scan | None, matches: Sequence[Match], problem: Reason | None
) -> tuple[Verdict, Reason | None]:
    """Return verdict and reason; a scan's reason outranks a problem of the run."""
    if scan is not None:
        verdict, reason = verdict_of([scan], matches)
        if verdict is not Verdict.NO_MATCH:
            return verdict, reason
    if problem is not None:
        return Verdict.INCONCLUSIVE, problem
    return Verdict.NO_MATCH, None


def document(checked: CheckedFile, *, quality_of: Quality) -> ScannedFileJSON:
    """Return the document of one file; ``exact`` is null if it could not be read."""
    if checked.scan is not None:
        return _content(checked, checked.scan, quality_of=quality_of)
    verdict, reason = checked.judged()
    return ScannedFileJSON(checked.path, verdict, reason, None, [], [], 0, [], None)


def _content(
    checked: CheckedFile, scan: Scan, *, quality_of: Quality
) -> ScannedFileJSON:
    """Return the document of one content, which includes those of nested contents."""
    inside = {inner.path for inner in scan.walk()}
    matches = [match for match in checked.matches if match.content in inside]
    verdict, reason = _judged(scan, matches, checked.problem)
    exact = {signal.type.value: signal.value.hex() for signal in scan.exact}
    return ScannedFileJSON(
        path=scan.path,
        verdict=verdict,
        reason=reason,
        exact=exact or None,
        views=[_view(view, quality_of=quality_of) for view in scan.views],
        contents=[
            _content(checked, inner, quality_of=quality_of) for inner in scan.contents
        ],
        dropped=scan.dropped,
        matches=[_match(match) for match in matches if match.content == scan.path],
        seen_percent=scan.seen_percent,
    )


def _view(view: View, *, quality_of: Quality) -> ViewJSON:
    pdq, phash = view.value(SignalType.PDQ), view.value(SignalType.PHASH)
    return ViewJSON(
        name=view.name,
        pdq=None if pdq is None else pdq.hex(),
        pdq_quality=None if pdq is None else quality_of(view.plane),
        phash=None if phash is None else phash.hex(),
    )


def _match(match: Match) -> MatchJSON:
    outline = None if match.outline is None else str(match.outline)
    frame_s = frame_s_of(match.view)
    return document_of(MatchJSON, match, outline=outline, frame_s=frame_s)


def lines(checked: CheckedFile, *, quality_of: Quality) -> Iterator[Text]:
    """Yield the text for one file: a line, and one more for each match."""
    verdict, reason = checked.judged()
    line = Text(f"{verdict:<{_VERDICT_WIDTH}}  ", style=_STYLES[verdict])
    line.append(harmless(checked.path), style="default not bold")
    words = [word for word in (reason, checked.detail) if word]
    if words:
        line.append(f"  {': '.join(words)}", style="dim not bold default")
    yield line
    if reason is Reason.NO_REFERENCE_SET and checked.scan is not None:
        yield from _signals(checked.scan, quality_of=quality_of)
    for match in checked.matches:
        yield Text(f"{'':{_VERDICT_WIDTH}}    {_match_words(match, checked.path)}")


def _signals(scan: Scan, *, quality_of: Quality) -> Iterator[Text]:
    for signal in scan.exact:
        yield _signal_line(signal.type, signal.value.hex())
    for view in scan.views:
        shape = _view(view, quality_of=quality_of)
        suffix = f"  {view.name}, quality {shape.pdq_quality}"
        yield _signal_line("pdq", f"{shape.pdq}{suffix}")
        yield _signal_line("phash", f"{shape.phash}  {view.name}")


def _signal_line(name: str, value: str) -> Text:
    return Text(f"{'':{_VERDICT_WIDTH}}    {name:<6}  {value}", style="dim")


def verdict_words(counts: Counter[Verdict]) -> str:
    """Return the numbers of files by verdict in words."""
    return (
        f"{counted(counts.total(), 'file')}: {counts[Verdict.MATCH]:,} matched, "
        f"{counts[Verdict.INCONCLUSIVE]:,} could not be checked, "
        f"{counts[Verdict.NO_MATCH]:,} without a match"
    )


def chance_words(chance: float) -> str:
    """Return E in words: how many entries chance is expected to bring so near."""
    return f"by chance {chance:.0e}"


def _match_words(match: Match, path: str) -> str:
    words = [match.signal_type.value, f"distance {match.distance}"]
    if match.view is not None:
        words.append(f"view {match.view}")
    if match.variant not in (None, Variant.UPRIGHT):
        words.append(match.variant)
    if match.complement:
        words.append("negative")
    if match.kind is not MatchKind.WITHIN:
        words.append(match.kind)
    if match.outline is not None:
        words.append(f"outline {str(match.outline).replace(', ', '; ')}")
    if match.chance is not None:
        words.append(chance_words(match.chance))
    if match.content != path:
        words.append(f"in {match.content}")
    entry = f"{match.set}/{match.entry} ({match.category}, {match.state})"
    return harmless(f"{entry}: {', '.join(words)}")
