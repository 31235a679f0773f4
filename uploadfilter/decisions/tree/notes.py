"""Sign checkpoints of a tree, and read signed ones: C2SP signed notes.

A checkpoint names a log (its *origin*), the number of its leaves and their root. A note
is a text and below it the signatures, each with the name of its key and the first four
bytes of a hash of it. Logs sign the text with Ed25519; witnesses sign it with a time,
which is a *cosignature*.

Source:
    https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint,
    https://c2sp.org/tlog-cosignature
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from uploadfilter.decisions.tree.merkle import HASH_BYTES

ED25519: Final = 0x01
"""Type of a log's signatures, over the text."""

COSIGNATURE: Final = 0x04
"""Type of a witness's signatures, over a time and the text."""

MOST_SIGNATURES: Final = 64
"""Most signatures of a note; the specification demands that 16 are read."""

MOST_NOTE_BYTES: Final = 64 * 1024
_MOST_SIZE_DIGITS: Final = 19
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_MARK: Final = "\N{EM DASH} "


class Signature(NamedTuple):
    """One signature of a note.

    Attributes:
        key_id: Four bytes of the key's hash.
    """

    name: str
    key_id: bytes
    data: bytes

    @property
    def line(self) -> str:
        """The line of a note, with its newline."""
        return f"{_MARK}{self.name} {_written(self.key_id + self.data)}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name.

    Attributes:
        name: The name, without spaces and plus signs.
        kind: ``ED25519`` or ``COSIGNATURE``.
        public: The 32 bytes of the key.
    """

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that its signatures bear."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as text, in the form that witnesses and monitors are given."""
        key = _written(bytes([self.kind]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a key as text.

        Raises:
            ValueError: It is not such a key.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != len(("name", "id", "key")):
            raise ValueError("a verifier key has the form NAME+ID+KEY")
        name, key_id, key = parts
        data = _read_base64(key)
        found = cls(name, data[0] if data else 0, data[1:])
        if (
            not is_key_name(name)
            or found.kind not in (ED25519, COSIGNATURE)
            or len(found.public) != _KEY_BYTES
            or found.key_id.hex() != key_id.lower()
        ):
            raise ValueError("this is not a verifier key of Ed25519")
        return found

    def signed_time(self, note: "Note") -> int | None:
        """Return when this key signed a note, in seconds since the epoch.

        Returns:
            0 for a log's signature, which has no time; ``None`` without a valid
            signature of this key.
        """
        for item in note.signatures:
            if (item.name, item.key_id) == (self.name, self.key_id):
                time_s, message, data = 0, note.text.encode(), item.data
                if self.kind == COSIGNATURE:
                    time_s = int.from_bytes(data[:_TIME_BYTES], "big")
                    message, data = _timed(time_s, note.text), data[_TIME_BYTES:]
                if self._is_valid(message, data):
                    return time_s
        return None

    def _is_valid(self, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key with its name.

    Args:
        name: The name, without spaces and plus signs.
        seed: The 32 secret bytes of the key.
        kind: ``ED25519`` or ``COSIGNATURE``.

    Raises:
        ValueError: The name or the length of the seed is not allowed.
    """

    def __init__(self, name: str, seed: bytes, *, kind: int = ED25519) -> None:
        if not is_key_name(name):
            raise ValueError("a name of a key has no spaces and no plus signs")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, kind, self._key.public_key().public_bytes_raw())

    def sign(self, text: str, *, time_s: int = 0) -> Signature:
        """Sign the text of a note.

        Args:
            text: The text, which ends in a newline.
            time_s: For a cosignature: seconds since the epoch.
        """
        known = self.verifier
        if known.kind == COSIGNATURE:
            data = time_s.to_bytes(_TIME_BYTES, "big")
            data += self._key.sign(_timed(time_s, text))
        else:
            data = self._key.sign(text.encode())
        return Signature(known.name, known.key_id, data)


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text.

    Attributes:
        text: The text, which ends in a newline.
        signatures: The signatures, which are not checked yet.
    """

    text: str
    signatures: tuple[Signature, ...]

    @property
    def data(self) -> bytes:
        """The note as bytes."""
        lines = "".join(item.line for item in self.signatures)
        return f"{self.text}\n{lines}".encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a note.

        Raises:
            ValueError: It is not a signed note, or has too many signatures.
        """
        if len(data) > MOST_NOTE_BYTES:
            raise ValueError(f"a note has at most {MOST_NOTE_BYTES} bytes")
        whole = data.decode("utf-8")
        if any(sign < " " and sign != "\n" for sign in whole):
            raise ValueError("a note has no control characters")
        text, found, below = whole.rpartition("\n\n")
        lines = below.removesuffix("\n").split("\n")
        if not found or not below.endswith("\n") or len(lines) > MOST_SIGNATURES:
            raise ValueError("a note has a text, an empty line and signatures")
        return cls(text + "\n", tuple(_signature(line) for line in lines))


class TreeHead(NamedTuple):
    """The content of a checkpoint.

    Attributes:
        origin: Name of the log.
        root: Root of the tree, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of the note."""
        return f"{self.origin}\n{self.size}\n{_written(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a note; further lines are ignored.

        Raises:
            ValueError: It is not the text of a checkpoint.
        """
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < len(cls._fields) or not all(lines):
            raise ValueError("a checkpoint has an origin, a size and a root")
        size = parse_size(lines[1])
        root = _read_base64(lines[2])
        if size is None or len(root) != HASH_BYTES:
            raise ValueError("a checkpoint has a size in digits and a root in base64")
        return cls(lines[0], size, root)


def is_key_name(name: str) -> bool:
    """Return whether a text may be the name of a key."""
    return bool(name) and "+" not in name and name.isprintable() and not _spaced(name)


def parse_size(text: str) -> int | None:
    """Return a number in decimal digits, without leading zeros; ``None`` if not one."""
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_SIZE_DIGITS:
        return None
    return int(text) if str(int(text)) == text else None


def read_hash(line: str) -> bytes:
    """Return a hash that a line has in base64.

    Raises:
        ValueError: It is no such hash.
    """
    found = _read_base64(line)
    if len(found) != HASH_BYTES:
        raise ValueError("a hash has 32 bytes")
    return found


def write_hash(value: bytes) -> str:
    """Return a hash in base64."""
    return _written(value)


def _spaced(name: str) -> bool:
    return any(sign.isspace() for sign in name)


def _timed(time_s: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _signature(line: str) -> Signature:
    name, _, data = line.removeprefix(_MARK).partition(" ")
    decoded = _read_base64(data)
    if not line.startswith(_MARK) or not is_key_name(name) or len(decoded) <= _ID_BYTES:
        raise ValueError("a line of signature has a dash, a name and base64")
    return Signature(name, decoded[:_ID_BYTES], decoded[_ID_BYTES:])


def _read_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc


def _written(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
