"""``uploadfilter issuer propose``: the changes of the next set.

Rules this module keeps: nothing is signed without a key, and nothing is published; each
omission is named.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.issuer.building import KnownGoodOptions, build_into, tell_built
from uploadfilter.cli.issuer.issuer import (
    DEFAULT_FOLDER,
    FolderOption,
    ProposalJSON,
    acts_on,
    confirm_signing,
    say_missing,
    show,
    shown_review,
)
from uploadfilter.cli.issuer.passphrases import SigningKeys
from uploadfilter.cli.options import JSONOption
from uploadfilter.cli.output import document_of, print_json, print_text, say
from uploadfilter.errors import UsageError
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import staging
from uploadfilter.issuing.building import BuildFile, Naming
from uploadfilter.issuing.builds import Builds
from uploadfilter.issuing.generic import KnownGoodCheck


class ProposedJSON(ProposalJSON, kw_only=True):
    """A proposal that was changed."""

    withdrawn: list[str]
    left_out: dict[str, int]
    not_compared: dict[str, int]
    files: str | None


CategoriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        metavar="C",
        help="A category to take; give the option once for each.  [default: all of a "
        "file of JSON lines]",
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
        help="A folder of pictures, or a file of entries in any supported format.",
    ),
]


def _say_left_out(tally: Tally) -> None:
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
    remove: Annotated[
        Path | None,
        typer.Option(
            "--remove",
            metavar="FILE",
            help="Remove the entries whose ids are in this file, one on each line.",
        ),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Discard the proposal and its changes.")
    ] = False,
    known_good: KnownGoodOptions,
    signing: SigningKeys,
    json: JSONOption = False,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Add entries to the proposal, or remove some, and show its effects.

    Changes add up until they are published. Without any, the entries stay the same and
    only the validity is extended. With --key, the command signs the proposal.

    **Examples**

        uploadfilter issuer propose pictures --key dora.key

        uploadfilter issuer propose case.json --category 1 --category 2

        uploadfilter issuer propose --remove ids.txt
    """
    acts = acts_on(folder)
    wanted = categories or []
    if clear:
        if source is not None or remove is not None or signing.keys:
            raise UsageError("--clear stands alone", hint="Propose afterwards.")
        show(acts.forget(), json=json)
        return
    is_chosen = bool(wanted) or replace
    _check_useful(source, is_chosen=is_chosen, is_compared=known_good.is_given)
    if remove is not None:
        acts.stage_removal(staging.read_ids(remove))
    is_built = source is not None and source.is_dir()
    if source is not None and is_built:
        source = _built(acts.builds, source, wanted, known_good.check(), json=json)
        wanted = []
    done = acts.propose(source, categories=wanted, is_whole=replace)
    if not json:
        print_text(*shown_review(done.review))
        _say_left_out(done.tally)
        show(done.notice)
    if signing.keys:
        if not signing.yes:
            confirm_signing()
        signed = acts.sign(signing.signers(), done.digest)
        if not json:
            show(signed)
    waiting = acts.look(reads=False).pending
    if not json:
        say_missing(waiting)
        return
    last = acts.builds.last_list
    files = str(last) if is_built and last.exists() else None
    shape = document_of(
        ProposedJSON,
        done.review,
        proposed=waiting,
        withdrawn=done.withdrawn,
        left_out={it.problem.value: it.count for it in done.tally.problems},
        not_compared=done.tally.not_compared,
        files=files,
    )
    print_json(shape)


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
