"""Format the status of each hash set, as JSON and as text."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text

from uploadfilter.cli.output import harmless
from uploadfilter.issuing.wording import counted, entries
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.signedsets import canaries as canary_ids
from uploadfilter.signedsets.freshness import Freshness, Status, ago, freshness

_STYLES = {
    Freshness.FRESH: "green",
    Freshness.AGING: "yellow",
    Freshness.EXPIRED: "bold red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryNumbers:
    """The numbers of entries of one hash set, by state.

    Attributes:
        in_force: Entries that uploads are compared with, including suppressed ones.
        canaries: Entries that only an operator's own canary matches.
        suppressed: Entries that are switched off for a while.
        quarantined: Entries that the gate keeps out of force.
        withdrawn: Entries that are out for good, even if the set is imported again.
        demoted: Entries of which the tripwire left only exact matches.
    """

    in_force: int = 0
    canaries: int = 0
    suppressed: int = 0
    quarantined: int = 0
    withdrawn: int = 0
    demoted: int = 0


def numbers_of(generation: LayeredGeneration, info: SetInfo) -> EntryNumbers:
    """Count the entries of a hash set by state."""
    name, off = info.name, generation.off
    counts = Counter(it.party for it in off if it.set == name and not it.until_listed)
    withdrawn = {it.key for it in off if it.party is Party.ISSUER}
    held = {it.key for it in off if it.party is Party.GATE and it.set == name}
    held -= withdrawn
    canaries = 0
    if info.signed is not None:
        there = generation.has_entries(name, canary_ids.IDS)
        canaries = sum(
            is_there and (name, it) not in withdrawn | held
            for it, is_there in there.items()
        )
    return EntryNumbers(
        in_force=info.entries - info.revoked - len(held) - canaries,
        canaries=canaries,
        suppressed=counts[Party.OPERATOR],
        quarantined=len(held),
        withdrawn=counts[Party.ISSUER],
        demoted=counts[Party.TRIPWIRE],
    )


def status_document(
    name: str,
    info: SetInfo | None,
    status: Status | None,
    numbers: EntryNumbers,
    epoch_s: float,
) -> dict[str, object]:
    """Return a set and its signatures as a JSON object.

    Args:
        name: The name of the set.
        info: The set in force.
        status: The state of its signatures.
        numbers: The numbers of its entries.
        epoch_s: Seconds since the epoch.
    """
    shape: dict[str, object] = {
        "set": name,
        "entries": numbers.in_force,
        "state": _state(info),
        "categories": [] if info is None else info.categories,
        "canaries": numbers.canaries,
        "suppressed": numbers.suppressed,
        "quarantined": numbers.quarantined,
        "withdrawn": numbers.withdrawn,
        "demoted": numbers.demoted,
        "signed": status is not None,
    }
    if status is None:
        return shape
    return shape | {
        "issuer": status.issuer,
        "sequence": 0 if info is None or info.signed is None else info.signed.sequence,
        "signers": status.signers,
        "source": status.source,
        "root": status.root,
        "freshness": freshness(status, epoch_s),
        "synced_at": moment_of(status.synced_at),
        "expires_at": moment_of(status.expires_at),
        "expires": status.expires,
        "held_back": status.held_back,
        "failure": status.failure,
    }


def status_lines(
    name: str,
    info: SetInfo | None,
    status: Status | None,
    numbers: EntryNumbers,
    epoch_s: float,
) -> list[Text]:
    """Return a set and its signatures as lines; arguments as above."""
    head = f"{name}: {entries(numbers.in_force)} ({_state(info)})"
    lines = [Text(head, style="bold")]
    if info is not None:
        lines.append(Text(harmless(f"  categories: {', '.join(info.categories)}")))
    words = f"  {numbers.suppressed:,} suppressed, {numbers.withdrawn:,} withdrawn"
    if numbers.canaries:
        words += f", {counted(numbers.canaries, 'canary', 'canaries')}"
    lines.append(Text(words))
    if numbers.quarantined:
        words = f"  {numbers.quarantined:,} in quarantine: 'hashset list --off'"
        lines.append(Text(words, style="yellow"))
    if numbers.demoted:
        words = f"  {numbers.demoted:,} demoted: 'hashset list --off'"
        lines.append(Text(words, style="bold red"))
    if status is None:
        return [*lines, Text("  not signed")]
    sequence = 0 if info is None or info.signed is None else info.signed.sequence
    who = ", ".join(status.signers) or "nobody yet"
    lines.append(
        Text(
            harmless(f"  number {sequence} of {status.issuer or '-'}, signed by {who}")
        )
    )
    fresh = freshness(status, epoch_s)
    if status.synced_at:
        until = moment_of(status.expires_at)
        words = (
            f"  {fresh}: verified {ago(epoch_s - status.synced_at)} ago, believed "
            f"until {until:%Y-%m-%d %H:%M} UTC ({status.expires})"
        )
    else:
        words = "  never synced"
    lines.append(Text(words, style=_STYLES[fresh]))
    if status.held_back:
        held = f"  {status.held_back:,} withdrawals are held back: too many for a day"
        lines.append(Text(held, style="bold red"))
    if status.failure is not None:
        text = f"  the last sync failed: {status.failure.text}"
        lines.append(Text(harmless(text), style="yellow"))
    return [*lines, Text(harmless(f"  from {status.source}"), style="dim")]


def _state(info: SetInfo | None) -> str:
    if info is None:
        return "not in force"
    return "active" if info.enforced else "monitored"


def moment_of(at: int) -> datetime:
    """Return a time from seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC)
