"""``uploadfilter log prove | check-proof``, and the tree in ``log verify``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from uploadfilter.cli.options import (
    InstanceOption,
    JSONOption,
    StateOption,
    log_directory,
)
from uploadfilter.cli.output import (
    FOUND,
    OK,
    harmless,
    print_json,
    print_text,
)
from uploadfilter.decisions.files.proving import TreeReport, compare, prove
from uploadfilter.decisions.records.ids import written_id
from uploadfilter.decisions.tree.notes import (
    MOST_NOTE_BYTES,
    Note,
    TreeHead,
    Verifier,
    write_hash,
)
from uploadfilter.decisions.tree.proofs import Proof
from uploadfilter.errors import UsageError

_MOST_PROOF_BYTES: Final = 24 * 1024 * 1024
"""Most bytes of a proof: a record of 16 MiB in base64, and some hashes."""

WitnessOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--witness",
        metavar="FILE",
        help="A signed checkpoint that was kept elsewhere; the log's tree must "
        "continue it. May be repeated.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="The public key of the log's tree, if you keep it: NAME+ID+KEY.",
    ),
]


def prove_command(
    decision: Annotated[str, typer.Argument(metavar="ID", help="A decision's id.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the proof to this file."),
    ] = None,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Prove that a decision is in the log, by its signed checkpoint.

    The proof holds the record. It can be checked without the log, with its public key.

    **Example**

        uploadfilter log prove 20261125-5f0c8e1b2a3d4c5e6f70 --out d.tlog-proof
    """
    proof = prove(log_directory(state, instance), written_id(decision) or decision)
    if out is not None:
        _write(out, proof.text)
    if json:
        print_json(proof_document(proof))
    else:
        print_text(*map(Text, map(harmless, proof_lines(proof, out))))


def check_proof_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A proof.")],
    *,
    key: Annotated[
        str,
        typer.Option(
            "--key", metavar="KEY", help="The public key of the log: NAME+ID+KEY."
        ),
    ],
    json: JSONOption = False,
) -> None:
    """Check a proof that a decision is in a log. Exit code 1 if it proves nothing.

    **Example**

        uploadfilter log check-proof d.tlog-proof --key "$(cat log.key)"
    """
    try:
        proof = Proof.parse(_read(file, most=_MOST_PROOF_BYTES).decode("utf-8"))
    except ValueError as exc:
        raise UsageError(
            f"{str(file)!r} is not a proof: {exc}",
            hint="'uploadfilter log prove ID --out FILE' writes one.",
        ) from exc
    is_proved = proof.proves(_key(key))
    if json:
        print_json({"ok": is_proved, **proof_document(proof)})
    elif is_proved:
        print_text(*map(Text, map(harmless, proof_lines(proof, None))))
    else:
        print_text(Text("NOT PROVED: another key, record or tree", style="bold red"))
    raise typer.Exit(OK if is_proved else FOUND)


def proof_document(proof: Proof) -> dict[str, object]:
    """Return a proof as a JSON object."""
    head = TreeHead.parse(proof.checkpoint.text)
    return {
        "record": proof.record.decode("utf-8", "replace"),
        "index": proof.index,
        "hashes": [write_hash(item) for item in proof.hashes],
        "origin": head.origin,
        "size": head.size,
        "root": write_hash(head.root),
        "checkpoint": proof.checkpoint.data.decode(),
        "proof": proof.text,
    }


def proof_lines(proof: Proof, out: Path | None) -> list[str]:
    """Return a proof in words."""
    head = TreeHead.parse(proof.checkpoint.text)
    hashes = len(proof.hashes)
    return [
        f"proved: leaf {proof.index:,} of {head.size:,} of {head.origin}",
        f"root {write_hash(head.root)}, by {hashes} hashes, {len(proof.text):,} bytes",
        f"written to {str(out)!r}" if out else proof.record.decode("utf-8", "replace"),
    ]


def compared(
    directory: Path, witness: Sequence[Path] | None, key: str | None
) -> TreeReport | None:
    """Check the tree of a log, if a witness's checkpoint or a key was given.

    Raises:
        LogError: There is no tree, or a file cannot be read.
        UsageError: A file is no signed checkpoint.
    """
    if not witness and key is None:
        return None
    notes = []
    for path in witness or ():
        try:
            notes.append(Note.parse(_read(path, most=MOST_NOTE_BYTES)))
        except ValueError as exc:
            raise UsageError(
                f"{str(path)!r} is not a signed checkpoint: {exc}",
                hint="Take a copy of the file 'tree/checkpoint' of the log, or what a "
                "witness keeps.",
            ) from exc
    known = None if key is None else _key(key)
    return compare(directory, witnessed=notes, key=known)


def tree_document(report: TreeReport | None) -> dict[str, object] | None:
    """Return the report of a tree as a JSON object."""
    if report is None:
        return None
    return {
        "ok": report.ok,
        "origin": report.origin,
        "key": report.key,
        "first": report.first,
        "size": report.size,
        "root": write_hash(report.root),
        "checked": report.checked,
        "witnessed": list(report.witnessed),
        "findings": [
            {"problem": it.problem, "record": it.record, "why": it.why}
            for it in report.findings
        ],
        "findings_omitted": report.findings_omitted,
    }


def tree_lines(report: TreeReport | None) -> Iterator[Text]:
    """Yield the report of a tree as text."""
    if report is None:
        return
    for finding in report.findings:
        words = f"{finding.problem}: {finding.why}"
        yield Text(harmless(words), style="bold red")
    if report.findings_omitted:
        yield Text(f"and {report.findings_omitted:,} more", style="bold red")
    word, style = ("intact", "green") if report.ok else ("DAMAGED", "bold red")
    line = Text("tree: ").append(word, style=style)
    sizes = ", ".join(f"{size:,}" for size in report.witnessed) or "none"
    yield line.append(
        harmless(
            f", {report.size:,} leaves of {report.origin}, {report.checked:,} of them "
            f"hashed again; continues checkpoints of: {sizes}"
        )
    )


def _key(text: str) -> Verifier:
    try:
        return Verifier.parse(text)
    except ValueError as exc:
        raise UsageError(
            f"--key: {exc}", hint="It stands in the file 'tree/key' of the log."
        ) from exc


def _read(path: Path, *, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as exc:
        raise UsageError(
            f"cannot read {str(path)!r}: {exc.strerror}", hint="Check the path."
        ) from exc


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise UsageError(
            f"cannot write {str(path)!r}: {exc.strerror}", hint="Check the path."
        ) from exc
