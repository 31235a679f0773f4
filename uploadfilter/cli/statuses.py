"""What ``uploadfilter hashset status`` says of each set, for programs and people."""

from datetime import UTC, datetime

from rich.text import Text

from uploadfilter.cli.output import harmless
from uploadfilter.reference.sets import SetInfo
from uploadfilter.signedsets.freshness import Freshness, Status, freshness

_STYLES = {
    Freshness.FRESH: "green",
    Freshness.AGING: "yellow",
    Freshness.EXPIRED: "bold red",
}


def status_document(
    name: str,
    info: SetInfo | None,
    status: Status | None,
    out: tuple[int, int],
    epoch_s: float,
) -> dict[str, object]:
    """Return what programs read about a set and its signatures.

    Args:
        name: Of the set.
        info: The set in force.
        status: What is known of its signatures.
        out: Its entries that are suppressed, and that are in quarantine.
        epoch_s: Seconds since the epoch.
    """
    shape: dict[str, object] = {
        "set": name,
        "entries": 0 if info is None else info.entries - info.revoked,
        "state": _state(info),
        "categories": [] if info is None else info.categories,
        "suppressed": out[0],
        "quarantined": out[1],
        "withdrawn": 0 if info is None else info.revoked,
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
    out: tuple[int, int],
    epoch_s: float,
) -> list[Text]:
    """Return what people read about a set and its signatures; see above."""
    entries = 0 if info is None else info.entries - info.revoked
    withdrawn = 0 if info is None else info.revoked
    head = f"{name}: {entries:,} entries ({_state(info)})"
    lines = [Text(head, style="bold")]
    if info is not None:
        lines.append(Text(harmless(f"  categories: {', '.join(info.categories)}")))
    lines.append(Text(f"  {out[0]:,} suppressed, {withdrawn:,} withdrawn"))
    if out[1]:
        words = f"  {out[1]:,} in quarantine: 'hashset quarantine list'"
        lines.append(Text(words, style="yellow"))
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
    """Return a moment out of seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC)


def ago(seconds: float) -> str:
    """Return a length of time in words."""
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(0, seconds):.0f} seconds"
