"""``uploadfilter issuer stage | propose``: the changes of the next set.

Rules this module keeps: nothing is signed without a key, and nothing is published; each
omission is named.
"""

from collections.abc import Sequence
from contextlib import closing
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
    acts_on,
    confirm_signing,
    review_document,
    say_missing,
    show,
    shown_review,
)
from uploadfilter.cli.issuer.passphrases import (
    OptionalKeysOption,
    PassphraseFDOption,
    PassphraseFilesOption,
    PKCS11Option,
    signers_of,
)
from uploadfilter.cli.options import JSONOption, YesOption
from uploadfilter.cli.output import harmless, print_json, print_text, say
from uploadfilter.errors import UsageError
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import staging, wording
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
SourceArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[SOURCE]",
        help="A folder of pictures, or a file of entries, which is staged first.",
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
    tally = Tally()
    found = _staged(folder, file, remove, tally, categories or (), is_whole=replace)
    if json:
        left_out = {item.problem.value: item.count for item in tally.problems}
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
    _say_left_out(tally)
    if found.withdrawn:
        say(harmless(wording.withdrawn_again(found.withdrawn)), style="bold yellow")
        say(f"  {staging.PUT_BACK}", style="yellow")
    say("next: uploadfilter issuer propose", style="dim")


def _staged(
    folder: Path,
    file: Path | None,
    remove: Path | None,
    tally: Tally,
    categories: Sequence[str],
    *,
    is_whole: bool,
) -> staging.StagedChanges:
    """Stage a file, or the removal of ids; without both, clear what is staged."""
    it = IssuerFolder(folder)
    if remove is not None:
        return acts_on(folder).stage_removal(staging.read_ids(remove))
    with it.locked():
        if file is None:
            staging.clear(it)
            return staging.StagedChanges()
        return staging.stage_file(
            it,
            file,
            now=published(it),
            tally=tally,
            categories=categories,
            is_whole=is_whole,
        )


def _say_left_out(tally: Tally) -> None:
    """Print which entries and signals of a file are not staged, and why."""
    for item in tally.problems:
        words = f"left out: {item.count:,} with {item.problem.words}"
        where = f"the first in {tally.unit} {item.first_line}"
        say(f"{words}, {where}", style="yellow")
    for name, count in tally.not_compared.items():
        say(
            f"left out: {count:,} signals that are not compared: {name}", style="yellow"
        )


def propose_command(
    source: SourceArgument = None,
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
    acts = acts_on(folder)
    wanted = categories or []
    is_compared = bool(known_good) or leave_out
    _check_useful(source, is_chosen=bool(wanted) or replace, is_compared=is_compared)
    is_built = source is not None and source.is_dir()
    if source is not None and is_built:
        check = known_good_check(known_good or (), leaves_out=leave_out)
        source = _built(acts.builds, source, wanted, check, json=json)
        wanted = []
    done = acts.propose(source, categories=wanted, is_whole=replace)
    if not json:
        print_text(*shown_review(done.review))
        _say_left_out(done.tally)
        show(done.notice)
    if keys:
        if not yes:
            confirm_signing()
        signers = signers_of(keys, passphrase_files, fd=passphrase_fd, library=pkcs11)
        signed = acts.sign(signers, done.digest)
        if not json:
            show(signed)
    waiting = acts.look(reads=False).pending
    if not json:
        say_missing(waiting)
        return
    last = acts.builds.last_list
    files = str(last) if is_built and last.exists() else None
    known = {"withdrawn": done.withdrawn, "files": files}
    print_json({**review_document(done.review, waiting), **known})


def _check_useful(source: Path | None, *, is_chosen: bool, is_compared: bool) -> None:
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
    builds: Builds,
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
    corpora = () if known_good is None else known_good.corpora
    file = builds.place(source.resolve(), category, corpora)
    # A build that was finished and not staged may lack pictures that came later.
    file.unlink(missing_ok=True)
    with closing(BuildFile(file)) as out:
        build_into(out, source, Naming(category=category), known_good=known_good)
        builds.note(file, out.built)
        out.finish()
    if not json:
        tell_built(out.built, source, builds.last_list if out.list.exists() else None)
    if not out.built.entries:
        builds.take(file)
        raise typer.Exit(1)
    return file
