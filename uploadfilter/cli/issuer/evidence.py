"""``uploadfilter issuer open-evidence``: read what operators sealed."""

import itertools
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from uploadfilter.cli.files import read_file
from uploadfilter.cli.issuer.issuer import DEFAULT_FOLDER, FolderOption
from uploadfilter.cli.issuer.passphrases import read_key_file, read_passphrase
from uploadfilter.cli.options import present_s
from uploadfilter.cli.output import write_data
from uploadfilter.errors import EvidenceError, UsageError
from uploadfilter.issuing import evidence
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.sealing.envelope import MOST_BYTES, MOST_RECIPIENTS, opened

MOST_REASON = 500
"""Characters of a reason: a case number and a sentence."""


def open_evidence_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Sealed files of an operator."),
    ],
    *,
    keys: Annotated[
        list[Path],
        typer.Option(
            "--key",
            metavar="FILE",
            help="A private key; give the option once for each key that is needed.",
        ),
    ],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why: a case number. It goes on record.")
    ],
    passphrase_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--passphrase-file",
            metavar="FILE",
            help="Read the passphrases of the keys from these files, in the same "
            "order.  [default: ask for them]",
        ),
    ] = None,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Open sealed evidence, and record the opening in the issuer's folder.

    Prints one JSON object for each file. The line about an opening is in
    openings.jsonl before its text is printed.

    **Example**

        uploadfilter issuer open-evidence 20261125-*.sealed --key unit7.key
        --reason "case 2026/114"
    """
    if not reason.strip() or len(reason) > MOST_REASON or not reason.isprintable():
        raise UsageError(
            f"a reason has 1 to {MOST_REASON} printable characters",
            hint='For example: --reason "case 2026/114".',
        )
    it = IssuerFolder(folder)
    with it.locked():
        mine, names = _keys(keys, passphrase_files or [])
        for path in files:
            data = read_file(path, MOST_BYTES, error=EvidenceError)
            try:
                decision, text = opened(data, mine)
            except EvidenceError as exc:
                raise EvidenceError(f"{str(path)!r}: {exc}", hint=exc.hint) from exc
            line = evidence.opening_of(
                data, decision=decision, keys=names, reason=reason, now=present_s()
            )
            evidence.record_opening(it, line)
            _print(path, line, text)


def _print(path: Path, line: evidence.Opening, text: bytes) -> None:
    """Print the text of a file, which some proxy wrote, inside of an object of ours."""
    try:
        evidence_text = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise EvidenceError(
            f"{str(path)!r}: the opened text cannot be read: {exc}",
            hint="Use the release that sealed it, or a newer one.",
        ) from exc
    shape = {"file": str(path), "sha256": line.sha256, "evidence": evidence_text}
    write_data(msgspec.json.encode(shape) + b"\n")


def _keys(
    files: list[Path], passphrases: list[Path]
) -> tuple[dict[bytes, X25519PrivateKey], tuple[str, ...]]:
    """Open the private keys, and return them by their public keys, with their names."""
    if len(files) > MOST_RECIPIENTS or len(passphrases) > len(files):
        raise UsageError(
            f"there are at most {MOST_RECIPIENTS} keys, and a passphrase for each",
            hint="Give --key once for each key, and --passphrase-file in their order.",
        )
    found: dict[bytes, X25519PrivateKey] = {}
    names: list[str] = []
    for path, passphrase_file in itertools.zip_longest(files, passphrases):
        passphrase = read_passphrase(f"{str(path)!r}", file=passphrase_file)
        recipient, key = evidence.opened_evidence_key(read_key_file(path), passphrase)
        found[recipient.key] = key
        names.append(recipient.name)
    return found, tuple(names)
