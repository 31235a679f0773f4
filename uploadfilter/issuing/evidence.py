"""Keys that open sealed evidence, and the record of each opening.

The private key (X25519) is sealed with a passphrase, as keys that sign are. The public
part is the line ``NAME:KEY`` that operators put into their settings.

Rules this module keeps: an opening is on record before its text is shown; the lines of
the record are chained, so that a changed or removed line shows.
"""

import hashlib
import os
import secrets
from datetime import UTC, datetime
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from uploadfilter.acting import current_actor
from uploadfilter.errors import EvidenceError, IssuerError
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.keys import (
    COST,
    SEED_BYTES,
    check_passphrase,
    document,
    passphrase_cipher,
    seal,
)
from uploadfilter.sealing.envelope import Recipient, parse_recipient
from uploadfilter.state import PRIVATE_FILE, sync_directory

RECORD: Final = "openings.jsonl"
"""The record of openings, in the issuer's folder."""

_KIND: Final = "uploadfilter evidence key 1"


class _KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    recipient: str
    salt: bytes
    nonce: bytes
    sealed: bytes


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the record of openings.

    Attributes:
        time: When, ISO 8601, UTC.
        user: Account of the process.
        login: Account that began the session, if the kernel knows it.
        decision: Id of the decision.
        sha256: SHA-256 of the sealed file, hex.
        keys: Names of the keys that opened it.
        reason: Why it was opened: a case number.
        previous: SHA-256 of the line before, hex; empty in the first line.
    """

    time: str
    user: str
    login: str | None
    decision: str
    sha256: str
    keys: tuple[str, ...]
    reason: str
    previous: str = ""


def made_evidence_key(
    name: str, passphrase: str, *, cost: int = COST
) -> tuple[bytes, bytes]:
    """Make a key that opens sealed evidence.

    Args:
        name: The holder: small letters, digits, ``-``, ``_`` and ``.``.
        passphrase: The passphrase that seals it.
        cost: N of scrypt, a power of 2.

    Returns:
        The contents of the file of the private key, and of the public one.
    """
    check_passphrase(passphrase)
    seed = secrets.token_bytes(SEED_BYTES)
    key = X25519PrivateKey.from_private_bytes(seed)
    recipient = Recipient(name=name, key=key.public_key().public_bytes_raw())
    try:
        parse_recipient(recipient.text)
    except ValueError as exc:
        raise IssuerError(
            f"{name!r} cannot be the name of a key",
            hint="Use up to 64 small letters, digits, '-', '_' and '.'.",
        ) from exc
    bound = recipient.text.encode()
    salt, nonce, sealed = seal(seed, passphrase, bound=bound, cost=cost)
    file = _KeyFile(
        kind=f"{_KIND} {cost}",
        recipient=recipient.text,
        salt=salt,
        nonce=nonce,
        sealed=sealed,
    )
    return document(file), recipient.text.encode() + b"\n"


def opened_evidence_key(
    data: bytes, passphrase: str
) -> tuple[Recipient, X25519PrivateKey]:
    """Open a key that opens sealed evidence."""
    try:
        file = msgspec.json.decode(data, type=_KeyFile)
        kind, _, cost = file.kind.rpartition(" ")
        recipient = parse_recipient(file.recipient)
        if kind != _KIND or not _is_cost(cost):
            raise ValueError(kind)  # noqa: TRY301 -- the same answer
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
        raise IssuerError(
            "the file holds no private key for sealed evidence",
            hint="Name the file that 'uploadfilter issuer key --evidence' made, not "
            "the one that ends with '.pub'.",
        ) from exc
    try:
        cipher = passphrase_cipher(passphrase, file.salt, int(cost))
        seed = cipher.decrypt(file.nonce, file.sealed, file.recipient.encode())
    except (InvalidTag, ValueError) as exc:
        raise IssuerError(
            f"the passphrase of the key of {recipient.name!r} is wrong, or its file is "
            "damaged",
            hint="Try again. Without the passphrase, no file that is sealed to this "
            "key alone can be opened: give operators another key.",
        ) from exc
    return recipient, X25519PrivateKey.from_private_bytes(seed)


def record_opening(folder: IssuerFolder, opening: Opening) -> None:
    """Append an opening to the record, durably; the folder is locked.

    Raises:
        EvidenceError: The record does not end with a whole line.
        OSError: The line is not on the disk.
    """
    path = folder.path / RECORD
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        raise EvidenceError(
            f"{str(path)!r} does not end with a whole line",
            hint="Keep a copy, remove the rest of the last line, and try again.",
        )
    last = before.splitlines()[-1] if before else b""
    previous = hashlib.sha256(last).hexdigest() if last else ""
    line = msgspec.json.encode(msgspec.structs.replace(opening, previous=previous))
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    with os.fdopen(fd, "ab") as file:
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def opening_of(
    data: bytes, *, decision: str, keys: tuple[str, ...], reason: str, now: float
) -> Opening:
    """Return the line about an opening by this process."""
    actor = current_actor()
    return Opening(
        time=datetime.fromtimestamp(now, UTC).isoformat(),
        user=actor.user or str(actor.uid),
        login=actor.login,
        decision=decision,
        sha256=hashlib.sha256(data).hexdigest(),
        keys=keys,
        reason=reason,
    )


def _is_cost(text: str) -> bool:
    """Return whether a text is a cost of scrypt that this machine can afford."""
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(COST)):
        return False
    cost = int(text)
    return 1 < cost <= COST and cost & (cost - 1) == 0
