"""``uploadfilter issuer``: sign a set, publish it, withdraw from it.

``build`` is in ``cli/issuer/building.py``, ``propose`` in
``cli/issuer/proposing.py``; keys and holders are in ``cli/issuer/holders.py``.

Rules this module keeps: a command that signs or publishes first shows the changes in
words and counts, and asks on a terminal; no command needs a network.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import UNSET, Struct, UnsetType, field
from rich.text import Text

from uploadfilter.cli.issuer.passphrases import (
    DutyKeys,
    OnlineKeyOption,
    OnlinePassphraseFileOption,
    PassphraseFDOption,
    PKCS11Option,
    SigningKeys,
    signer_of,
)
from uploadfilter.cli.options import JSONOption, YesOption, present_s
from uploadfilter.cli.output import (
    confirm,
    document_of,
    harmless,
    print_json,
    print_text,
    say,
)
from uploadfilter.errors import UsageError
from uploadfilter.issuing import holding, signing, wording
from uploadfilter.issuing.acts import Acts, FolderState, Notice
from uploadfilter.issuing.folder import IssuerFolder, SetSettings
from uploadfilter.issuing.proposing import Review
from uploadfilter.issuing.published import Published
from uploadfilter.issuing.signing import PendingSignature
from uploadfilter.signedsets import metadata as md

DEFAULT_FOLDER = Path()


class PendingJSON(Struct):
    """The signatures of one role on a proposal."""

    role: str
    by: list[str] = field(name="signed_by")
    missing: int
    others: list[str]


class ProposalJSON(Struct, kw_only=True):
    """A proposal; without a review only its signatures."""

    older: int | UnsetType = UNSET
    newer: int | UnsetType = UNSET
    added: int | UnsetType = UNSET
    changed: int | UnsetType = UNSET
    removed: int | UnsetType = UNSET
    entries: int | UnsetType = UNSET
    categories: dict[str, tuple[int, int]] | UnsetType = UNSET
    is_full: bool | UnsetType = field(name="full", default=UNSET)
    expires_at: datetime | UnsetType = field(name="expires", default=UNSET)
    proposed: list[PendingJSON]


class SignedJSON(ProposalJSON, kw_only=True):
    """A proposal that was signed."""

    signed: list[str]


class PublishedJSON(Struct, kw_only=True):
    """A set that was published, and copied if that was asked for."""

    sequence: int
    roles: list[str] | UnsetType = UNSET
    keeps_staged: bool | UnsetType = UNSET
    bytes: int | UnsetType = UNSET


class WithdrawnJSON(Struct):
    """How many entries were withdrawn, and how many of them the set listed."""

    withdrawn: int
    listed: int


class ExportedJSON(Struct):
    """A copy of the set, or of its entries."""

    sequence: int
    bytes: int


class HoldersJSON(Struct):
    """Who holds a role."""

    threshold: int
    keys: str


class StagedJSON(Struct):
    """The changes that wait for a proposal."""

    added: int
    deleted: int


class StatusJSON(Struct):
    """The state of an issuer's folder."""

    set: str
    issuer: str
    sequence: int
    expires: dict[str, datetime]
    holders: dict[str, HoldersJSON]
    entries: int
    withdrawn: int
    left_today: int
    staged: StagedJSON
    pending: list[PendingJSON] = field(name="proposed")


FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="The issuer's folder.  [default: the current folder]",
        show_default=False,
    ),
]


def sign_command(
    *,
    signing_keys: SigningKeys,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Show the proposal, and sign it with one key, or with several at one table.

    The command computes what it shows from the files that it signs.

    **Examples**

        uploadfilter issuer sign --key ann.key

        uploadfilter issuer sign --key ann.key --key bob.key --key fay.key
    """
    if not signing_keys.keys:
        raise UsageError("nobody signs", hint="Give --key FILE for each holder.")
    acts = acts_on(folder)
    seen = acts.look()
    if not json:
        _say_holders(seen.pending)
        print_text(*shown_review(seen.review))
    if not signing_keys.yes:
        confirm_signing()
    done = acts.sign(signing_keys.signers(), seen.digest)
    waiting = acts.look(reads=False).pending
    if json:
        shape = document_of(SignedJSON, seen.review, proposed=waiting, **done.facts)
        print_json(shape)
        return
    show(done)
    say_missing(waiting)


def acts_on(folder: Path) -> Acts:
    """Return the acts on an issuer's folder."""
    return Acts(IssuerFolder(folder), clock=present_s)


def show(done: Notice, *, json: bool = False) -> None:
    """Print what an act has done: in words, or its facts as JSON."""
    if json:
        print_json(done.facts)
        return
    say(done.text, style="green")
    if done.hint:
        say(done.hint, style="dim")


def confirm_signing() -> None:
    """Ask whether the shown proposal is to be signed."""
    confirm("Sign this?", refused="nothing is signed without a confirmation")


def publish_command(
    *,
    online_key: OnlineKeyOption,
    online_passphrase_file: OnlinePassphraseFileOption = None,
    passphrase_fd: PassphraseFDOption = None,
    pkcs11: PKCS11Option = None,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="Only sign again that the published number is the newest; to be run "
            "by a timer.",
        ),
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="TO",
            help="Copy the signed set there as well, as 'issuer export' does.",
        ),
    ] = None,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Publish the proposal, if it has enough signatures; or confirm the newest.

    **Examples**

        uploadfilter issuer publish --online-key machine.key --export stick/unit7

        uploadfilter issuer publish --renew --online-key m.key
        --online-passphrase-file m.txt
    """
    acts = acts_on(folder)
    seen = acts.look(reads=False)
    if not renew:
        # Checked first, so that nobody types a passphrase in vain.
        signing.check_complete(seen.pending)
    machine = signer_of(
        online_key, file=online_passphrase_file, fd=passphrase_fd, library=pkcs11
    )
    done = acts.renew(machine) if renew else acts.publish(machine, seen.digest)
    copied = None if export is None else acts.export(export)
    if json:
        print_json({**done.facts, **({} if copied is None else copied.facts)})
        return
    show(done)
    if copied is not None:
        show(copied)


def withdraw_command(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID...]", help="Ids of entries; none renews the list."),
    ] = None,
    *,
    keys: DutyKeys,
    yes: YesOption = False,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Withdraw entries at once, with the key of one duty officer.

    Operators put them out of force with their next sync. More than a few a day need
    the analysts: see `uploadfilter issuer propose --remove`.

    **Example**

        uploadfilter issuer withdraw p-17 --key fay.key --online-key machine.key
    """
    wanted = ids or []
    acts = acts_on(folder)
    if wanted:
        # An id that was mistyped at night is said before two passphrases are typed.
        acts.withdrawable(wanted)
    if not yes:
        question = f"Withdraw {', '.join(wanted)}?" if wanted else "Renew the list?"
        confirm(question, refused="nothing is withdrawn without a confirmation")
    officer, machine = keys.signers()
    show(acts.withdraw(wanted, officer, machine), json=json)


def export_command(
    to: Annotated[
        Path, typer.Argument(metavar="TO", help="A folder, such as that of a stick.")
    ],
    *,
    as_lines: Annotated[
        bool,
        typer.Option("--lines", help="Write the entries as JSON lines into a file TO."),
    ] = False,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Copy the signed set for a courier, or write its entries as JSON lines.

    Signatures protect the set from changes, but do not keep it secret: encrypt the
    stick.

    **Example**

        uploadfilter issuer export stick/unit7
    """
    acts = acts_on(folder)
    show(acts.export_lines(to) if as_lines else acts.export(to), json=json)


def status_command(
    *, json: JSONOption = False, folder: FolderOption = DEFAULT_FOLDER
) -> None:
    """Show what is published, staged and proposed, the signers, and the expiry.

    **Example**

        uploadfilter issuer status
    """
    acts = acts_on(folder)
    seen = acts.look(reads=False)
    settings = acts.folder.settings
    if json:
        now = seen.now
        shape = document_of(
            StatusJSON,
            seen,
            set=settings.set,
            issuer=settings.issuer,
            sequence=now.sequence,
            expires=now.expires,
            holders=_holders_document(now),
            entries=0 if now.hashset is None else now.hashset.manifest.entries,
        )
        print_json(shape)
        return
    print_text(*_status_lines(settings, seen))
    _say_holders(seen.pending)
    say_missing(seen.pending)


def shown_review(review: Review | None) -> list[Text]:
    """Return the review of a proposal as lines of text."""
    if review is None:
        return []
    style = "" if review.is_renewal else "bold"
    lines = [Text(wording.review_heading(review), style=style)]
    lines += [Text(f"  {line}") for line in wording.review_lines(review)]
    if not review.is_renewal:
        for name, (before, after) in review.categories.items():
            words = f"  category {name}: {before:,} before, {after:,} then"
            lines.append(Text(harmless(words)))
    until = wording.moment(review.expires_at)
    return [*lines, Text(f"It is believed until {until}.")]


def _status_lines(settings: SetSettings, seen: FolderState) -> list[Text]:
    now, found = seen.now, seen.staged
    title = f"{settings.set} of {settings.issuer}"
    lines = [Text(harmless(title), style="bold")]
    if now.sequence:
        lines.append(Text(f"published: number {now.sequence}"))
    else:
        lines.append(Text("published: nothing yet"))
    if now.hashset is not None:
        whole = wording.entries(now.hashset.manifest.entries)
        left = f"{seen.left_today:,} more may be withdrawn today by one person"
        lines.append(Text(f"  {whole}, {seen.withdrawn:,} of them withdrawn"))
        lines.append(Text(f"  {left}"))
    for role, at in sorted(now.expires.items(), key=lambda item: item[1]):
        is_over = at <= present_s()
        style = "bold red" if is_over else "default"
        words = "ended" if is_over else "ends"
        ending = f"  {role:<10} {words} {wording.moment(at)}"
        lines.append(Text(ending, style=style))
    held = {} if now.root is None else holding.holders_now(now)
    for role, known in held.items():
        needs = wording.needed(known.threshold, list(map(md.name_of, known.keys)))
        lines.append(Text(f"  {role:<10} {needs}"))
    lines.append(
        Text(f"staged: {found.added:,} to add or change, {found.deleted:,} to remove")
    )
    return lines


def _holders_document(now: Published) -> dict[str, HoldersJSON]:
    if now.root is None:
        return {}
    return {
        role: HoldersJSON(known.threshold, ", ".join(map(md.name_of, known.keys)))
        for role, known in holding.holders_now(now).items()
    }


def _say_holders(waiting: Sequence[PendingSignature]) -> None:
    for item in waiting:
        for role, known in signing.named_in(item).items():
            needs = wording.needed(known.threshold, list(map(md.name_of, known.keys)))
            say(f"proposed: {role} {needs}")


def say_missing(waiting: Sequence[PendingSignature]) -> None:
    """Print which signatures each role has, and which it needs."""
    for item in waiting:
        style = "yellow" if item.missing else "green"
        say(f"{item.role}: {wording.missing(item)}", style=style)
