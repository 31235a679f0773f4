"""Gather the facts that the operator's page shows, as texts.

The page is rendered from ``Facts``, and its script fetches the same as JSON, so that
only one place turns a figure into a text. Facts that rarely change (sets, routes,
problems) have a digest in ``shape``; when it changes, the script loads the page again.

Rules this module keeps: it has only the data of a client that ``recent`` keeps, and
only the words about routes and origins that the operator wrote, without credentials.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from uploadfilter.contents.kinds.families import described
from uploadfilter.decisions.files.room import Room
from uploadfilter.decisions.presets import Comparison
from uploadfilter.model import (
    Action,
    EntryState,
    MatchKind,
    Mode,
    Preset,
    Reason,
    Verdict,
)
from uploadfilter.proxy.admin.charts import Chart, charts
from uploadfilter.proxy.admin.choosing import FormField, choices, words_for_none
from uploadfilter.proxy.admin.figures import age, counted, duration, rate, size
from uploadfilter.proxy.admin.health import (
    WHAT_TO_DO,
    Check,
    Health,
    HealthFinding,
    days_words,
)
from uploadfilter.proxy.admin.history import History, LoadSample, quantile
from uploadfilter.proxy.admin.outlines import drawing
from uploadfilter.proxy.admin.signed import (
    NOTHING,
    SignedFact,
    demotion_words,
    signed_facts,
)
from uploadfilter.proxy.admin.watched import Watched, version
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.web.counting.recent import (
    EVERYTHING,
    NearestMatch,
    RecentDecision,
    Wanted,
)
from uploadfilter.web.routing.routes import Route

_CHECKS: Final = {
    Check.STARTED: "Start",
    Check.REFERENCE: "Reference set",
    Check.ORIGIN: "Origin",
    Check.LOG: "Decision log",
    Check.SCANNERS: "Scanners",
    Check.STAYING: "Service",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFact:
    """One check, with a remedy if it has failed."""

    name: str
    is_good: bool
    detail: str
    to_do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure in large letters."""

    key: str
    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFact:
    """A hash set in force."""

    name: str
    issuer: str
    state: str
    entries: str
    categories: tuple[tuple[str, str], ...]
    imported: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFact:
    """The treatment of some requests."""

    name: str
    applies_to: str
    origin: str
    is_reachable: bool | None
    takes: str
    treatment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFact:
    """One of the last decisions."""

    id: str
    time: str
    verdict: str
    action: str
    effect: str
    would: str
    why: str
    kinds: str
    route: str
    client: str
    duration: str
    match: str
    outline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetFact:
    """The effect of a preset, or of the policy in force, on the last day's uploads."""

    key: str
    label: str
    accepted: str
    rejected: str
    later: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts on the page.

    Attributes:
        shape: Changes when more than figures change.
        instance: Name of this proxy.
        version: Version of the program.
        at: When the facts were gathered.
        up: How long the proxy has been running.
        is_ready: Whether uploads may be sent here.
        headline: The state in a few words.
        modes: The modes in force.
        generation: The generation of the reference set, in words.
        warnings: Facts that are not faults, but should be known.
        checks: The checks.
        tiles: Figures.
        charts: Drawings.
        decisions: The last decisions that pass the filter, newest first.
        choices: The fields of the filter, with the present choices.
        wanted_id: The id that is searched for; empty if there is none.
        is_chosen: Whether a filter is set.
        none: The text to show if there are no decisions.
        presets: The policy in force and the presets, side by side.
        sets: Hash sets in force.
        signed: The signed sets among them, with their signers.
        routes: The routes in the operator's order.
    """

    shape: str
    instance: str
    version: str
    at: str
    up: str
    is_ready: bool
    headline: str
    modes: tuple[str, ...]
    generation: str
    warnings: tuple[str, ...]
    checks: tuple[CheckFact, ...]
    tiles: tuple[Tile, ...]
    charts: tuple[Chart, ...]
    decisions: tuple[DecisionFact, ...]
    choices: tuple[FormField, ...]
    wanted_id: str
    is_chosen: bool
    none: str
    presets: tuple[PresetFact, ...]
    sets: tuple[SetFact, ...]
    signed: tuple[SignedFact, ...]
    routes: tuple[RouteFact, ...]


def gather(
    watched: Watched, health: Health, history: History, wanted: Wanted = EVERYTHING
) -> Facts:
    """Gather all facts once.

    Args:
        watched: The proxy.
        health: Its checks.
        history: Its figures.
        wanted: The filter for the last decisions.
    """
    recent = watched.metrics.recent
    now = watched.clock()
    generation = watched.generation
    routes = tuple(watched.in_force.settings.routes)
    checks = tuple(_check(finding) for finding in health.findings)
    warnings = (
        *_warnings(generation, routes, health),
        *(() if watched.scanners.reads_videos else (_NO_VIDEOS,)),
        *demotion_words(watched.generation),
    )
    route_facts = tuple(_route(route, health) for route in routes)
    signed = signed_facts(health.signed, generation, now, watched.canaries().found)
    return Facts(
        shape=_shape_of(
            [(check.name, check.is_good) for check in checks],
            warnings,
            generation.number if generation else None,
            route_facts,
            [replace(it, verified="", canary="") for it in signed],
        ),
        instance=watched.instance,
        version=version(),
        at=f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC",
        up=age(now - watched.begun),
        is_ready=health.is_ready,
        headline="Ready" if health.is_ready else "Not ready",
        modes=tuple(sorted({route.treatment for route in routes})),
        generation=_generation(generation, now),
        warnings=warnings,
        checks=checks,
        tiles=tuple(_tiles(watched, health, history)),
        charts=charts(history),
        decisions=tuple(map(_decision, recent.chosen(wanted))),
        choices=tuple(choices(recent, wanted)),
        wanted_id=wanted.id,
        is_chosen=wanted != EVERYTHING,
        none=words_for_none(wanted),
        presets=tuple(_presets(watched.metrics.last_day.compared(now=now))),
        sets=tuple(_set(info, now) for info in (generation.sets if generation else ())),
        signed=signed,
        routes=route_facts,
    )


def as_json(facts: Facts) -> bytes:
    """Encode facts for the script of the page."""
    return msgspec.json.encode(facts)


def _shape_of(*parts: object) -> str:
    """Return a digest that changes if any of these changes."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def _check(finding: HealthFinding) -> CheckFact:
    return CheckFact(
        name=_CHECKS[finding.check],
        is_good=finding.is_good,
        detail=finding.detail,
        to_do="" if finding.is_good else WHAT_TO_DO[finding.check],
    )


def _warnings(
    generation: LayeredGeneration | None, routes: Iterable[Route], health: Health
) -> Iterable[str]:
    if generation is not None and generation.entry_count == 0:
        yield "The reference set has no entries, so nothing can match."
    if generation is not None and generation.pinned:
        yield (
            "A rollback was not released yet, so nothing can be imported: "
            "'uploadfilter hashset rollback --release'."
        )
    if all(route.exempt or route.mode is Mode.MONITOR for route in routes):
        yield "Every route is in MONITOR or exempt: matches are recorded, and pass."
    else:
        yield from _only_monitored(generation)
    for item in health.unenforced:
        yield f"{item.words[0].upper()}{item.words[1:]}. {item.to_do}"
    for name, is_reached in health.reachable.items():
        if not is_reached:
            yield f"The origin {name!r} cannot be reached."


_NO_VIDEOS: Final = (
    "Videos are not inspected: install PyAV, pip install 'uploadfilter[video]'."
)


def _only_monitored(generation: LayeredGeneration | None) -> Iterable[str]:
    """Name the sets that reject nothing beside others that do, as a reminder."""
    sets = generation.sets if generation else ()
    names = [info.name for info in sets if not info.enforced]
    if names and len(names) < len(sets):
        yield (
            f"Only monitored, so that their matches pass: {', '.join(sorted(names))}."
        )


def _generation(generation: LayeredGeneration | None, now: float) -> str:
    if generation is None:
        return "none"
    at = generation.put_in_force_at
    since = f", in force for {age(now - at.timestamp())}" if at else ""
    entries = counted(generation.entry_count)
    return f"{generation.number} with {entries} entries{since}"


def _tiles(watched: Watched, health: Health, history: History) -> Iterable[Tile]:
    yield from _tiles_of_uploads(watched, history)
    yield from _tiles_of_means(watched)
    yield _tile_of_log(health.room)


def _tiles_of_uploads(watched: Watched, history: History) -> Iterable[Tile]:
    sample, durations = history.last, history.last_durations_s
    totals = watched.metrics.totals
    decided = sum(totals.verdicts.values())
    yield Tile(
        key="uploads",
        label="Uploads decided",
        value=counted(decided),
        note=f"{rate(_decided_rate(sample))} now",
    )
    yield Tile(
        key="matches",
        label="Matches",
        value=counted(totals.verdicts[Verdict.MATCH]),
        note=f"{counted(totals.effects[Action.REJECT])} rejected, "
        f"{counted(totals.would[Action.REJECT])} would be",
    )
    yield Tile(
        key="latency",
        label="Median answer",
        value=_duration(quantile(durations, 0.5)),
        note=f"99 %: {_duration(quantile(durations, 0.99))}, "
        f"of the last {counted(len(durations))}",
    )
    yield Tile(
        key="sheds",
        label="Turned away",
        value=counted(totals.sheds),
        note=f"{rate(sample.sheds if sample else 0.0)} now, "
        f"{counted(totals.summarised)} refusals summarised",
    )


def _tiles_of_means(watched: Watched) -> Iterable[Tile]:
    """Show the resources that uploads need: scanners, room, CPU time."""
    totals, load, room = watched.metrics.totals, watched.scanners.load, watched.room
    settings = watched.scanner_settings
    yield Tile(
        key="queue",
        label="Scanner queue",
        value=counted(load.waiting + load.put_back),
        note=f"{load.scanning}/{settings.at_a_time} busy, {load.slow} slow",
    )
    yield Tile(
        key="spool",
        label="Held in memory",
        value=size(room.memory_bytes),
        note=f"{size(room.disk_bytes)} on disk",
    )
    store = watched.store
    left = max(store.limits.disk_total_bytes - store.total_bytes, 0)
    yield Tile(
        key="pieces",
        label="In pieces",
        value=counted(len(store)),
        note=f"{size(store.total_bytes)} held, room for {size(left)}",
    )
    yield Tile(
        key="cost",
        label="CPU per scan",
        value=_duration(totals.scan_cpu_s / totals.scans if totals.scans else None),
        note=f"{counted(totals.scans)} scanned",
    )
    yield Tile(
        key="requests",
        label="Requests",
        value=counted(totals.requests),
        note=f"{watched.drain.in_flight} open, "
        f"{counted(watched.metrics.connections)} conn.",
    )


def _tile_of_log(room: Room) -> Tile:
    """Show the size of the log, and how long its disk lasts."""
    return Tile(
        key="log",
        label="Decision log",
        value=size(room.log_bytes),
        note=f"{size(room.bytes_a_day)} a day; room for {days_words(room)}",
    )


def _decided_rate(sample: LoadSample | None) -> float:
    if sample is None:
        return 0.0
    return sample.match + sample.no_match + sample.inconclusive


def _duration(seconds: float | None) -> str:
    return NOTHING if seconds is None else duration(seconds)


def _decision(recent: RecentDecision) -> DecisionFact:
    return DecisionFact(
        id=recent.id,
        time=f"{recent.time:%H:%M:%S}",
        verdict=recent.verdict,
        action=recent.action,
        effect=recent.effect,
        would=recent.would,
        why=", ".join(recent.sets) or recent.reason or "",
        kinds=", ".join(recent.kinds),
        route=recent.route,
        client=recent.client,
        duration=duration(recent.duration_ms / 1000),
        match=_match(recent.match),
        outline="" if recent.match is None else drawing(recent.match.outline),
    )


def _match(match: NearestMatch | None) -> str:
    """Return the nearest match in words, with E."""
    if match is None:
        return ""
    words = [match.signal_type.value]
    if match.kind is not MatchKind.WITHIN:
        words = [match.kind.value]
    if not match.signal_type.is_exact:
        words.append(f"{match.distance} bits")
    if match.frame_s is not None:
        words.append(f"at {match.frame_s:g} s")
    if match.chance is not None:
        words.append(f"E {match.chance:.0e}")
    return ", ".join(words)


def _presets(compared: Comparison) -> Iterable[PresetFact]:
    yield _preset("in-force", "in force", compared.in_force, {})
    for preset in Preset:
        unmatched = compared.unmatched[preset]
        yield _preset(preset, preset, compared.actions[preset], unmatched)


def _preset(
    key: str,
    label: str,
    actions: Mapping[Action, int],
    unmatched: Mapping[Reason, int],
) -> PresetFact:
    reasons = sorted(unmatched.items(), key=lambda item: -item[1])
    return PresetFact(
        key=key,
        label=label,
        accepted=counted(actions.get(Action.ACCEPT, 0)),
        rejected=counted(actions.get(Action.REJECT, 0)),
        later=counted(actions.get(Action.RETRY_LATER, 0)),
        why=", ".join(f"{reason} {counted(count)}" for reason, count in reasons),
    )


def _set(info: SetInfo, now: float) -> SetFact:
    counts = sorted(info.counts.items())
    return SetFact(
        name=info.name,
        issuer=info.issuer,
        state=(EntryState.ACTIVE if info.enforced else EntryState.MONITORED).value,
        entries=counted(info.entries - info.revoked),
        categories=tuple(
            (category, counted(by_type.get(ENTRIES, 0))) for category, by_type in counts
        ),
        imported=f"{age(now - info.imported_at)} ago" if info.imported_at else NOTHING,
    )


def _route(route: Route, health: Health) -> RouteFact:
    methods = " ".join(sorted(route.methods))
    hosts = " ".join(route.hosts) or "any host"
    return RouteFact(
        name=route.name,
        applies_to=" ".join(part for part in (methods, hosts, route.path) if part),
        origin=route.origin,
        is_reachable=health.reachable.get(route.origin),
        takes=described(route.accept),
        treatment=route.treatment,
    )
