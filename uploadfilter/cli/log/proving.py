"""``uploadfilter log prove``, and the check of such a proof by ``verify``."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.files import read_file, write_file
from uploadfilter.cli.options import (
    InstanceOption,
    JSONOption,
    StateOption,
    log_directory,
)
from uploadfilter.cli.output import (
    document_of,
    encodable,
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

_UNPROVED: Final = (
    "Compare --key with the key that you kept of this log. If it is the same, the file "
    "was changed: keep it, and ask the operator for the proof and the log."
)


class ProofJSON(Struct):
    """A proof that a record is in the log."""

    record: str
    index: int
    hashes: list[str]
    origin: str
    size: int
    root: str
    checkpoint: str
    proof: str


class CheckedProofJSON(ProofJSON):
    """A proof that was checked."""

    file: str
    ok: bool


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

    The proof holds the record. `uploadfilter verify` checks it without the log, by the
    log's public key.

    **Example**

        uploadfilter log prove 20261125-5f0c8e1b2a3d4c5e6f70 --out d.tlog-proof
    """
    proof = prove(log_directory(state, instance), written_id(decision) or decision)
    if out is not None:
        write_file(out, proof.text.encode())
    if json:
        print_json(_document(ProofJSON, proof))
    else:
        print_text(*map(Text, map(harmless, proof_lines(proof, out))))


_Proof = TypeVar("_Proof", bound=ProofJSON)


def _document(shape: type[_Proof], proof: Proof, **more: object) -> _Proof:
    head = TreeHead.parse(proof.checkpoint.text)
    return document_of(
        shape,
        proof,
        record=proof.record.decode("utf-8", "replace"),
        hashes=[write_hash(item) for item in proof.hashes],
        origin=head.origin,
        size=head.size,
        root=write_hash(head.root),
        checkpoint=proof.checkpoint.data.decode(),
        proof=proof.text,
        **more,
    )


def proof_lines(proof: Proof, out: Path | None) -> list[str]:
    """Return a proof in words."""
    head = TreeHead.parse(proof.checkpoint.text)
    hashes = len(proof.hashes)
    return [
        f"proved: leaf {proof.index:,} of {head.size:,} of {head.origin}",
        f"root {write_hash(head.root)}, by {hashes} hashes, {len(proof.text):,} bytes",
        f"written to {str(out)!r}" if out else proof.record.decode("utf-8", "replace"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProof:
    """The check of one proof."""

    path: Path
    proof: Proof
    ok: bool


def check_proof(path: Path, keys: Collection[str]) -> CheckedProof:
    """Check a proof by the keys of logs that were kept."""
    if not keys:
        raise UsageError(
            "a proof is checked by the key of its log",
            hint="Give --key: it stands in the file 'tree/key' of the log.",
        )
    data = read_file(path, _MOST_PROOF_BYTES)
    try:
        proof = Proof.parse(data.decode("utf-8"))
    except ValueError as exc:
        raise UsageError(
            f"it is not a proof: {exc}",
            hint="'uploadfilter log prove ID --out FILE' writes one.",
        ) from exc
    ok = any(proof.proves(Verifier.parse(key)) for key in keys)
    return CheckedProof(path=path, proof=proof, ok=ok)


def checked_document(check: CheckedProof) -> CheckedProofJSON:
    """Return the check of a proof as a document."""
    path = encodable(str(check.path))
    return _document(CheckedProofJSON, check.proof, file=path, ok=check.ok)


def checked_lines(check: CheckedProof) -> Iterator[Text]:
    """Yield the check of a proof as text."""
    if not check.ok:
        words = f"NOT PROVED: {check.path}: another key, record or tree"
        yield Text(harmless(words), style="bold red")
        yield Text(f"  {_UNPROVED}")
        return
    for line in proof_lines(check.proof, None):
        yield Text(harmless(line))
