"""``uploadfilter issuer stage | propose``: the changes of the next set.

Rules this module keeps: nothing is signed without a key, and nothing is published; each
omission is named.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.issuer.building import (
    KnownGoodOption,
    LeaveOutOption,
    build_into,
    tell_built,
)
from uploadfilter.cli.issuer.issuer import (
    DEFAULT_FOLDER,
    FolderOption,
    confirm_signing,
    review_document,
    say_missing,
    say_signed,
    shown_review,
    sign_with,
)
from uploadfilter.cli.issuer.passphrases import (
    OptionalKeysOption,
    PassphraseFDOption,
    PassphraseFilesOption,
    PKCS11Option,
    signers_of,
)
from uploadfilter.cli.options import JSONOption, YesOption, present_s
from uploadfilter.cli.output import harmless, print_json, print_text, say
from uploadfilter.errors import UsageError
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import proposing, publishing, signing, staging, wording
from uploadfilter.issuing.building import BuildFile, Naming
from uploadfilter.issuing.builds import Builds
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.generic import KnownGoodCheck, known_good_check
from uploadfilter.issuing.published import published

CategoriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        metavar="C",
        help="A category to take; give the option once for each.  [default: all of a "
        "file of JSON lines]",
        show_default=False,
    ),
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace", help="The file is the whole set: missing entries are removed."
    ),
]


def stage_command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Entries, in any supported format."),
    ] = None,
    *,
    categories: CategoriesOption = None,
    replace: ReplaceOption = False,
    remove: Annotated[
        Path | None,
        typer.Option(
            "--remove",
            metavar="FILE",
            help="Remove the entries whose ids are in this file, one on each line.",
            show_default=False,
        ),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Discard all staged changes.")
    ] = False,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Stage entries for the next proposal. Nothing is signed or published.

    **Examples**

        uploadfilter issuer stage built.jsonl

        uploadfilter issuer stage case.json --category 1 --category 2

        uploadfilter issuer stage --remove ids.txt
    """
    if (file is not None) + (remove is not None) + clear != 1:
        raise UsageError(
            "the command takes exactly one of a file, --remove and --clear",
            hint="For example: uploadfilter issuer stage built.jsonl",
        )
    it, tally = IssuerFolder(folder), Tally()
    with it.locked():
        if file is not None:
            found = staging.stage_file(
                it,
                file,
                now=published(it),
                tally=tally,
                categories=categories or (),
                is_whole=replace,
            )
        elif remove is not None:
            found = _stage_deletions(it, staging.read_ids(remove))
        else:
            staging.clear(it)
            found = staging.StagedChanges()
    left_out = {item.problem.value: item.count for item in tally.problems}
    if json:
        print_json(
            {
                "added": found.added,
                "deleted": found.deleted,
                "left_out": left_out,
                "not_compared": dict(tally.not_compared),
                "withdrawn": found.withdrawn,
            }
        )
        return
    come = wording.entries(found.added)
    say(f"staged: {come} to add or change, {found.deleted:,} to remove")
    _say_left_out(tally, found.withdrawn)
    say("next: uploadfilter issuer propose", style="dim")


def _say_left_out(tally: Tally, withdrawn: Sequence[str]) -> None:
    """Print which entries and signals of a file are not staged, and why."""
    for item in tally.problems:
        words = f"left out: {item.count:,} with {item.problem.words}"
        where = f"the first in {tally.unit} {item.first_line}"
        say(f"{words}, {where}", style="yellow")
    for name, count in tally.not_compared.items():
        say(
            f"left out: {count:,} signals that are not compared: {name}", style="yellow"
        )
    if withdrawn:
        say(harmless(wording.withdrawn_again(withdrawn)), style="bold yellow")
        say(f"  {staging.PUT_BACK}", style="yellow")


def _stage_deletions(it: IssuerFolder, ids: Sequence[str]) -> staging.StagedChanges:
    """Stage the removal of entries that are published or staged."""
    strange = staging.not_added(it, ids)
    if strange:
        publishing.check_listed(published(it), strange)
    return staging.stage_deletions(it, ids)


def propose_command(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="A folder of pictures, or a file of entries, which is staged first.",
        ),
    ] = None,
    *,
    categories: CategoriesOption = None,
    replace: ReplaceOption = False,
    known_good: KnownGoodOption = None,
    leave_out: LeaveOutOption = False,
    keys: OptionalKeysOption = None,
    passphrase_files: PassphraseFilesOption = None,
    passphrase_fd: PassphraseFDOption = None,
    pkcs11: PKCS11Option = None,
    yes: YesOption = False,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Turn the staged changes into a proposal, and show its effects.

    With SOURCE, it builds and stages that before; with --key, it signs the proposal.
    With nothing staged, the entries stay the same and only the validity is extended.

    **Examples**

        uploadfilter issuer propose

        uploadfilter issuer propose pictures --key dora.key
    """
    it, tally = IssuerFolder(folder), Tally()
    wanted = categories or []
    built = None
    is_compared = bool(known_good) or leave_out
    _check_useful(source, is_chosen=bool(wanted) or replace, is_compared=is_compared)
    if source is not None and source.is_dir():
        check = known_good_check(known_good or (), leaves_out=leave_out)
        built = _built(it, source, wanted, check, json=json)
        wanted = []
    with it.locked():
        now = published(it)
        again = staging.staged_in_vain(it, now)
        file = source if built is None else built
        if file is not None:
            found = staging.stage_file(
                it,
                file,
                now=now,
                tally=tally,
                categories=wanted,
                is_whole=replace,
            )
            again += found.withdrawn
        if built is not None:
            Builds(it.path).take(built)
        review = proposing.propose(
            it, now, epoch_s=present_s(), parameters=proposing.own_parameters()
        )
        if not json:
            print_text(*shown_review(review))
            _say_left_out(tally, again)
        signed = []
        if keys:
            if not yes:
                confirm_signing()
            signers = signers_of(
                keys, files=passphrase_files or (), fd=passphrase_fd, library=pkcs11
            )
            signed = sign_with(it, now, signers)
        waiting = signing.pending(it, now)
    if json:
        last = Builds(it.path).last_list
        files = str(last) if built is not None and last.exists() else None
        known = {"withdrawn": list(dict.fromkeys(again)), "files": files}
        print_json({**review_document(review, waiting), **known})
        return
    say_signed(signed)
    say_missing(waiting)
    say("next: officers sign with 'uploadfilter issuer sign'", style="dim")


def _check_useful(source: Path | None, *, is_chosen: bool, is_compared: bool) -> None:
    """Refuse options that would have no effect on this source.

    Raises:
        UsageError: Pictures are to be compared, or entries chosen, but there are none.
    """
    if is_compared and (source is None or not source.is_dir()):
        raise UsageError(
            "known-good pictures are left out of a folder of pictures only",
            hint="Omit --known-good and --leave-out-known-good, or name the folder.",
        )
    if source is None and is_chosen:
        raise UsageError(
            "--category and --replace need a folder or file",
            hint="For example: uploadfilter issuer propose pictures --replace",
        )


def _built(
    it: IssuerFolder,
    source: Path,
    categories: Sequence[str],
    known_good: KnownGoodCheck | None,
    *,
    json: bool,
) -> Path:
    """Compute the signals of a folder of pictures; return the file of its entries.

    The file is in the issuer's folder until it is staged. After an interruption, the
    same command continues where it stopped.
    """
    if len(categories) > 1:
        raise UsageError(
            "several categories were given for one folder of pictures",
            hint="Give one --category for all, or put the pictures into folders by "
            "category.",
        )
    category = categories[0] if categories else None
    builds = Builds(it.path)
    corpora = () if known_good is None else known_good.corpora
    file = builds.place(source.resolve(), category, corpora)
    # A build that was finished and not staged may lack pictures that came later.
    file.unlink(missing_ok=True)
    out = BuildFile(file)
    try:
        build_into(out, source, Naming(category=category), known_good=known_good)
        builds.note(file, out.built)
        out.finish()
    finally:
        out.close()
    if not json:
        tell_built(out.built, source, builds.last_list if out.list.exists() else None)
    if not out.built.entries:
        builds.take(file)
        raise typer.Exit(1)
    return file
