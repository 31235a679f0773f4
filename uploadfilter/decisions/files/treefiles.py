"""Keep the Merkle tree of a log in files: tiles, the signed checkpoint, the keys.

::

    instances/<name>/tree.key    the private key, 32 bytes; 0600, outside of the log
      log/tree/                  C2SP tlog-tiles, without bundles of entries
        key                      the public key as text; its name is the log's origin
        first                    number of the record that is the first leaf
        checkpoint               the signed checkpoint
        cosigned/*.note          checkpoints that witnesses have signed as well
        tile/<level>/<index>     hashes; partial tiles in <index>.p/<width>

A leaf is the line of a record, without its newline. The directory of the log is what
overseers get a copy of, so the private key is not in it.
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.decisions.files.segments import write_error
from uploadfilter.decisions.tree.merkle import HASH_BYTES
from uploadfilter.decisions.tree.notes import (
    MOST_NOTE_BYTES,
    Note,
    Signer,
    TreeHead,
    Verifier,
    parse_size,
)
from uploadfilter.decisions.tree.tiles import (
    CHECKPOINT_NAME,
    Edge,
    HashTile,
    edge,
    hashes_of,
)
from uploadfilter.errors import LogCorruptError, LogError
from uploadfilter.state import write_private

TREE_FOLDER: Final = "tree"
COSIGNED_FOLDER: Final = "cosigned"
KEY_FILE: Final = "tree.key"
PUBLIC_KEY_FILE: Final = "key"
FIRST_FILE: Final = "first"
SEED_BYTES: Final = 32

_MOST_LINE_BYTES: Final = 500
"""Most bytes of the small files: a key of an instance has at most 200."""

_KEY_HINT: Final = (
    "Restore it from a backup. Without it the tree cannot be continued: move the "
    "folder 'tree' of the log and the file 'tree.key' away, and a tree with a new key "
    "begins, which witnesses must be told of."
)
_DAMAGE_HINT: Final = (
    "Restore the folder 'tree' of the log from a copy. Or keep it as evidence, but "
    "move it away with 'tree.key': a tree with a new key begins, which witnesses must "
    "be told of."
)


@dataclass(frozen=True, slots=True)
class SignedTree:
    """A tree as its checkpoint describes it; the signature is valid.

    Attributes:
        first: Number of the record that is the first leaf.
    """

    key: Verifier
    note: Note
    head: TreeHead
    first: int

    @property
    def last(self) -> int:
        """Number of the record that is the last leaf."""
        return self.first + self.head.size - 1


class TreeFiles:
    """The files of one tree.

    Args:
        directory: The directory of the log.
        durably: Whether files must survive a power cut, which takes time.
    """

    def __init__(self, directory: Path, *, durably: bool = True) -> None:
        self._durably = durably
        self.log = directory
        self.path = directory / TREE_FOLDER
        self._secret = directory.parent / KEY_FILE

    def signed(self) -> SignedTree | None:
        """Return the tree of the checkpoint; ``None`` before the first."""
        data = self._read(self.path / CHECKPOINT_NAME, most=MOST_NOTE_BYTES)
        if data is None:
            return None
        key, first = self.public_key(), self.first()
        if key is None or first is None:
            raise damaged(self.path, "the file 'key' or 'first' is missing")
        try:
            note = Note.parse(data)
            head = TreeHead.parse(note.text)
        except ValueError as exc:
            raise damaged(self.path, f"the checkpoint is unreadable: {exc}") from exc
        if head.origin != key.name or key.signed_time(note) is None:
            raise damaged(self.path, "its key did not sign its checkpoint")
        return SignedTree(key, note, head, first)

    def cosigned(self) -> list[Note]:
        """Return the checkpoints beside the tree that the log and witnesses signed.

        A file that is no checkpoint of the log's key says nothing.
        """
        key = self.public_key()
        found = []
        for path in sorted((self.path / COSIGNED_FOLDER).glob("*.note")):
            with suppress(ValueError):
                note = Note.parse(self._read(path, most=MOST_NOTE_BYTES) or b"")
                TreeHead.parse(note.text)
                if key is not None and key.signed_time(note) is not None:
                    found.append(note)
        return found

    @property
    def is_begun(self) -> bool:
        """Whether there is a key, public or private, so that there was a tree."""
        return self._secret.exists() or self.public_key() is not None

    def public_key(self) -> Verifier | None:
        """Return the public key; ``None`` if there is no tree yet."""
        data = self._read(self.path / PUBLIC_KEY_FILE)
        if data is None:
            return None
        try:
            return Verifier.parse(data.decode("utf-8"))
        except ValueError as exc:
            raise damaged(self.path, f"the public key is unreadable: {exc}") from exc

    def first(self) -> int | None:
        """Return the number of the record that is the first leaf, if known."""
        data = self._read(self.path / FIRST_FILE)
        if data is None:
            return None
        found = parse_size(data.decode("ascii", "replace").strip())
        if not found:
            raise damaged(self.path, "the file 'first' is unreadable")
        return found

    def signer(self) -> Signer:
        """Return the private key of an existing tree."""
        known = self.public_key()
        seed = self._read(self._secret)
        if seed is None or known is None:
            raise self._key_error("it is missing")
        if len(seed) != SEED_BYTES:
            raise self._key_error(f"it has {len(seed)} bytes, not {SEED_BYTES}")
        signer = Signer(known.name, seed)
        if signer.verifier != known:
            raise self._key_error("it is not the key of this tree")
        return signer

    def begin(self, instance: str, *, seed: bytes, first: int) -> Signer:
        """Begin a tree that has no checkpoint yet, with the key that it has, if any.

        Records that are gone since an earlier beginning are no leaves: nothing was
        signed that would need them.

        Args:
            instance: Name of the proxy.
            seed: 32 random bytes, for a new key.
            first: Number of the record that is the first leaf.
        """
        leaf = f"{first}\n".encode()
        if self.public_key() is not None:
            signer = self.signer()
            self.write(self.path / FIRST_FILE, leaf)
            return signer
        # A private key without its public one is of a start that a crash ended.
        kept = self._read(self._secret)
        seed = kept if kept is not None and len(kept) == SEED_BYTES else seed
        public = Signer("x", seed).verifier.public
        signer = Signer(f"uploadfilter/{instance}/{public.hex()[:16]}", seed)
        self.write(self._secret, seed)
        self.write(self.path / FIRST_FILE, leaf)
        text = signer.verifier.text + "\n"
        self.write(self.path / PUBLIC_KEY_FILE, text.encode())
        return signer

    def tile(self, tile: HashTile) -> bytes:
        """Return the content of a tile.

        If a partial tile is gone, because its tile has filled up, the beginning of the
        full one.
        """
        size = tile.width * HASH_BYTES
        data = self._read(self.path / tile.path, most=size)
        if data is None and not tile.is_full:
            full = HashTile(tile.level, tile.number)
            data = self._read(self.path / full.path, most=size)
        if data is None or len(data) != size:
            raise damaged(self.path, f"the tile {tile.path!r} is missing or cut off")
        return data

    def edge(self, size: int) -> Edge:
        """Return the right edge of a tree of some size."""
        return Edge(size, [hashes_of(self.tile(tile)) for tile in edge(size)])

    def write_tile(self, tile: HashTile, data: bytes) -> None:
        """Write a tile durably."""
        self.write(self.path / tile.path, data)

    def drop_partial(self, tile: HashTile) -> None:
        """Remove the partial forms of a tile that is full now."""
        # What stays on a faulty disk takes space, and is right.
        with suppress(OSError):
            shutil.rmtree(self.path / f"{tile.path}.p")

    def write_checkpoint(self, head: TreeHead, signer: Signer) -> Note:
        """Sign a checkpoint, and write it durably."""
        note = Note(head.text, (signer.sign(head.text),))
        self.write(self.path / CHECKPOINT_NAME, note.data)
        return note

    def write(self, path: Path, data: bytes) -> None:
        """Write a file durably."""
        try:
            write_private(path, data, durably=self._durably)
        except OSError as exc:
            raise write_error(path, exc) from exc

    def _read(self, path: Path, *, most: int = _MOST_LINE_BYTES) -> bytes | None:
        """Return the first bytes of a file; ``None`` if it does not exist."""
        try:
            with path.open("rb") as file:
                return file.read(most)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise LogError(
                f"cannot read {str(path)!r}: {exc.strerror}",
                hint="Check that this user may read it.",
            ) from exc

    def _key_error(self, why: str) -> LogError:
        return LogError(
            f"the key of the log's tree {str(self._secret)!r} cannot be used: {why}",
            hint=_KEY_HINT,
        )


def damaged(path: Path, why: str) -> LogCorruptError:
    """Return the error for a tree that cannot be continued."""
    return LogCorruptError(
        f"the tree of the decision log in {str(path)!r} is damaged: {why}",
        hint=_DAMAGE_HINT,
    )
