"""``uploadfilter log prove | check-proof``."""

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
from uploadfilter.decisions.files.proving import prove
from uploadfilter.decisions.records.ids import written_id
from uploadfilter.decisions.tree.notes import TreeHead, Verifier, write_hash
from uploadfilter.decisions.tree.proofs import Proof
from uploadfilter.errors import UsageError

_MOST_PROOF_BYTES: Final = 24 * 1024 * 1024
"""Most bytes of a proof: a record of 16 MiB in base64, and some hashes."""


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
