"""``uploadfilter hashset trust | sync``: signed sets, for the operator."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct, field
from rich.text import Text

from uploadfilter.cli.hashset.enforcement import (
    DropCategoriesOption,
    MonitoredOption,
    say_lack,
)
from uploadfilter.cli.options import JSONOption, StateOption, YesOption, present_s
from uploadfilter.cli.output import (
    FOUND,
    confirm,
    document_of,
    harmless,
    print_json,
    print_text,
    say,
    show_error,
)
from uploadfilter.cli.progress import board
from uploadfilter.cli.writing import compact_if_due, directory_to_write, writer_of
from uploadfilter.errors import (
    HashSetError,
    HashSetTrustError,
    UploadFilterError,
    UsageError,
)
from uploadfilter.hashsets.choices import Chosen
from uploadfilter.model import EntryState
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
)
from uploadfilter.signedsets import manifest as manifests
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import ROOT
from uploadfilter.syncing.client import Verified
from uploadfilter.syncing.gating import ORDINARY, Passage
from uploadfilter.syncing.taking import SyncReport, look, sync
from uploadfilter.syncing.trusting import (
    Trusted,
    read_root,
    read_root_file,
    trusted_sets,
)

SourceOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="SOURCE",
        help="A folder, such as on a USB stick, or an https URL.",
    ),
]


CategoriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        metavar="C",
        help="A category to take; give the option once for each.  [default: those of "
        "the set in force]",
    ),
]


class TrustedJSON(Struct):
    """A root that is trusted from now on."""

    set: str
    root: str
    holders: str


class SyncedJSON(Struct):
    """A signed set after a sync."""

    set: str
    older: int
    sequence: int
    generation: int
    entries: int
    is_new: bool = field(name="new")
    is_full: bool = field(name="full")
    withdrawn: int
    held_back: int
    quarantined: int
    generic: int = field(name="near")
    signers: list[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRoot:
    """The options that say what a root is trusted for."""

    name: Annotated[
        str, typer.Option(metavar="NAME", help="The local name of the set.")
    ]
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="The source of the set: a folder, or an https URL.",
        ),
    ]
    digest: Annotated[
        str | None,
        typer.Option(
            metavar="SHA256",
            help="The SHA-256 of the file that the issuer read out, for comparison.",
        ),
    ] = None
    replace_root: Annotated[
        bool, typer.Option("--replace-root", help="Replace another trusted root.")
    ] = False


def trust_command(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The file root.json of the issuer.")
    ],
    *,
    new: NewRoot,
    categories: CategoriesOption = None,
    monitored: MonitoredOption = False,
    yes: YesOption = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Trust the root of a signed set, once, and take the set from its source.

    Compare its SHA-256 with the issuer's by telephone: it vouches for all later
    signatures. On a terminal the command shows the set and asks for the categories;
    without one, it takes the set if --category names some.

    **Examples**

        uploadfilter hashset trust root.json --name unit7 --from https://example.org/u7

        uploadfilter hashset trust root.json --name unit7 --from stick --category 1
    """
    data = read_root_file(root)
    holders = md.holders_of(read_root(data), ROOT)
    found = _sha256(data)
    if new.digest is not None and new.digest.lower().replace(" ", "") != found:
        raise HashSetTrustError(
            f"{str(root)!r} does not have the given digest",
            hint="Nothing is trusted. Ask the issuer for the file again, and compare.",
        )
    names = ", ".join(map(md.name_of, holders.keys))
    if not json:
        say(f"SHA-256: {found}")
        say(f"held by {holders.threshold} of {len(holders.keys)}: {names}")
    if new.digest is None and not yes:
        confirm(
            "Did the issuer read out the same digest?",
            refused="a root is trusted only if its digest was compared",
        )
    directory = directory_to_write(state, create=True)
    trusted = Trusted.of(directory.path.parent, new.name)
    with trusted.locked():
        trusted.trust(data, _absolute(new.source), replace=new.replace_root)
    wanted = categories or []
    if json:
        print_json(TrustedJSON(new.name, found, names))
    else:
        say("trusted", style="green")
        if sys.stdin.isatty() and not wanted:
            wanted = _ask_categories(look(trusted))
    if not wanted:
        say(f"next: uploadfilter hashset sync {new.name} --category C")
        return
    chosen = Chosen(state=_state(monitored=monitored), categories=wanted)
    report = _sync(trusted, directory, chosen, None, ORDINARY, json=json)
    _end([], [report], directory.path.parent)


def _ask_categories(verified: Verified) -> list[str]:
    """Show what a signed set holds, and ask which of its categories are taken."""
    manifest = verified.manifest
    who = ", ".join(verified.signers)
    counts = dict(manifests.histogram(manifest.categories))
    lines = [
        f"{manifest.set} of {manifest.issuer}, number {manifest.sequence}",
        f"  signed by {who}; {manifest.entries:,} entries",
        *(f"  category {word}: {count:,}" for word, count in counts.items()),
    ]
    print_text(*(Text(harmless(line)) for line in lines))
    while True:
        question = "Which categories? Several with spaces between them; Enter for none"
        words: list[str] = typer.prompt(question, default="", err=True).split()
        unknown = [word for word in words if word not in counts]
        if not unknown:
            return words
        say(f"the set has no category {unknown[0]!r}", style="yellow")


def sync_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]", help="Signed sets.  [default: all of them]"
        ),
    ] = None,
    *,
    source: SourceOption = None,
    categories: CategoriesOption = None,
    monitored: MonitoredOption = False,
    drop_categories: DropCategoriesOption = False,
    accept_change: Annotated[
        bool,
        typer.Option(
            "--accept-change",
            help="Accept unusually many changes: you asked the issuer.",
        ),
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Update signed sets to the newest numbers of their issuers.

    All or nothing: after any fault, the set in force stays unchanged. Entries that
    match harmless files are quarantined. Exit code 1 if withdrawals were held back.

    **Examples**

        uploadfilter hashset sync unit7 --category 1

        uploadfilter hashset sync unit7 --from stick/unit7
    """
    directory = directory_to_write(state, create=True)
    base = directory.path.parent
    sets = _named(base, names or [])
    if len(sets) > 1 and (source or categories or accept_change):
        raise UsageError(
            "the options are for one set, but several would be synced",
            hint=f"Name one of: {', '.join(it.name for it in sets)}.",
        )
    chosen = Chosen(
        state=_state(monitored=monitored),
        categories=categories or [],
        drops_categories=drop_categories,
    )
    where = None if source is None else _absolute(source)
    reports: list[SyncReport] = []
    failed: list[UploadFilterError] = []
    for trusted in sets:
        try:
            passage = Passage(is_accepted=accept_change)
            report = _sync(trusted, directory, chosen, where, passage, json=json)
        except HashSetError as exc:
            # The other sets have other issuers.
            failed.append(exc)
            continue
        reports.append(report)
    _end(failed, reports, base)


def _state(*, monitored: bool) -> EntryState | None:
    return EntryState.MONITORED if monitored else None


def _sync(
    trusted: Trusted,
    directory: ReferenceDirectory,
    chosen: Chosen,
    source: str | None,
    passage: Passage,
    *,
    json: bool,
) -> SyncReport:
    with board("fetching") as shown:
        report = sync(
            trusted,
            directory,
            chosen=chosen,
            clock=present_s,
            source=source,
            progress=shown.move,
            passage=passage,
        )
    _show_report(report, json=json)
    if report.is_new:
        with writer_of(directory) as writer:
            compact_if_due(writer)
    return report


def _end(
    failed: list[UploadFilterError], reports: list[SyncReport], base: Path
) -> None:
    for error in failed[:-1]:
        show_error(error)
    if failed:
        raise failed[-1]
    if reports:
        with ReferenceReader.open(base / REFERENCE_DIRECTORY) as reader:
            say_lack(reader.current())
    if any(report.status.held_back for report in reports):
        raise typer.Exit(FOUND)


def _show_report(report: SyncReport, *, json: bool) -> None:
    status = report.status
    entries = report.set.entries - report.set.revoked
    if json:
        shape = document_of(
            SyncedJSON,
            report,
            set=status.set,
            sequence=status.sequence,
            entries=entries,
            held_back=status.held_back,
            signers=status.signers,
            expires_at=status.expires_at,
        )
        print_json(shape)
        return
    who = ", ".join(status.signers)
    if report.is_new:
        words = f"{status.set}: number {status.sequence}, {entries:,} entries"
        say(f"{words}, signed by {who}; generation {report.generation}", style="green")
    else:
        say(f"{status.set}: number {status.sequence} is the newest", style="green")
    for word in sorted(set(report.set.categories) - report.categories.keys()):
        say(harmless(f"no entry has the category {word!r}"), style="yellow")
    if report.withdrawn:
        say(f"withdrawn: {report.withdrawn:,}")
    if report.quarantined:
        say(
            f"in quarantine: {report.quarantined:,}, which match harmless files; send "
            "the issuer 'uploadfilter hashset list --findings --json'",
            style="yellow",
        )
    if report.generic:
        say(f"near harmless pictures, and in force: {report.generic:,}", style="dim")
    if status.held_back:
        say(
            f"{status.held_back:,} withdrawals are held back: more than one officer "
            "may make in a day. Ask the issuer whether a key was stolen. If not, the "
            "next days' syncs carry them out, or the analysts' next number does.",
            style="bold red",
        )


def _named(base: Path, names: Sequence[str]) -> list[Trusted]:
    if names:
        named = [Trusted.of(base, name) for name in names]
        for trusted in named:
            # Its lock would leave a folder, and every later sync would fail there.
            trusted.root()
        return named
    found = list(trusted_sets(base))
    if not found:
        raise HashSetTrustError(
            "no root is trusted, so there is nothing to sync",
            hint="Get root.json from the issuer, and run 'uploadfilter hashset trust'.",
        )
    return found


def _absolute(source: str) -> str:
    """Return a source that does not depend on the working directory."""
    return source if "://" in source else str(Path(source).absolute())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
