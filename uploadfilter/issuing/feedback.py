"""Add up the feedback of operators: files are verified first, and then summed.

Rules this module keeps: no line of a file counts before the file's signature was
verified, by a key that the issuer knows; the lines that count are those that were
verified, because they are kept in an open copy; memory does not grow with the number of
entries.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import msgspec
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Signature, SSlibKey

from uploadfilter.errors import FeedbackError, IssuerError
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.keys import public_key
from uploadfilter.issuing.published import Published
from uploadfilter.signedsets import feedback
from uploadfilter.signedsets import manifest as manifests
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.feedback import EntryLine, EntrySum, FeedbackHeader
from uploadfilter.signedsets.metadata import name_of
from uploadfilter.signedsets.roles import ROOT

OPERATORS: Final = "operators"
"""Folder with the public keys of operators, in the issuer's folder."""

MOST_FILES: Final = 256
"""Files that are added up at a time: each is held open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFeedback:
    """A file whose signature was verified.

    Attributes:
        header: Its first line; ``operator`` is the name that the issuer knows.
        copy: Its lines of entries, as they were verified.
    """

    header: FeedbackHeader
    copy: IO[bytes]

    def entries(self) -> Iterator[EntryLine]:
        """Yield its entries, sorted by id."""
        self.copy.seek(0)
        for line in self.copy:
            yield feedback.parse_entry(line, self.header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Files that can be added up.

    Attributes:
        files: Each of them once.
        copies: Files that were named twice.
    """

    files: tuple[VerifiedFeedback, ...]
    copies: tuple[Path, ...]

    def sums(self, listed: Mapping[str, int]) -> Iterator[EntrySum]:
        """Yield the sum of all files for each entry, in the order of their ids."""
        pairs = ((it.header, it.entries()) for it in self.files)
        return feedback.summed(pairs, listed)


def known_operators(paths: Iterable[Path]) -> dict[str, SSlibKey]:
    """Return the keys of operators, by the hex digits of each key."""
    found: dict[str, SSlibKey] = {}
    for path in paths:
        try:
            key = public_key(path.read_bytes()[: 1 << 16])
        except OSError as exc:
            raise IssuerError(
                f"cannot read the key {str(path)!r}: {exc.strerror}",
                hint="Check the path, and that this user may read the file.",
            ) from exc
        names = {name_of(it) for at, it in found.items() if at != _hex(key)}
        if name_of(key) in names:
            raise IssuerError(
                f"two operators have the name {name_of(key)!r}",
                hint="Ask one of them for a key with another name.",
            )
        found[_hex(key)] = key
    return found


@contextmanager
def opened(
    paths: Iterable[Path],
    *,
    operators: Mapping[str, SSlibKey],
    roots: frozenset[str],
    today: date,
) -> Iterator[Feedback]:
    """Verify files of feedback, and keep them open during the block.

    Args:
        paths: The files.
        operators: Keys of known operators, by their hex digits.
        roots: SHA-256 of every root of the set, in hex.
        today: The day by this machine's clock, UTC.

    Raises:
        FeedbackError: A file cannot be counted, or the files cannot be added up.
    """
    files: dict[bytes, VerifiedFeedback] = {}
    copies: list[Path] = []
    with ExitStack() as held:
        for path in paths:
            if len(files) >= MOST_FILES:
                raise FeedbackError(
                    f"more than {MOST_FILES} files are named",
                    hint="Add them up in several runs.",
                )
            copy = held.enter_context(TemporaryFile())
            with _named(path):
                digest, checked = _checked(path, copy, operators, roots)
            if digest in files:
                copies.append(path)
            else:
                files[digest] = checked
        headers = [it.header for it in files.values()]
        feedback.check_together(headers, today)
        yield Feedback(files=tuple(files.values()), copies=tuple(copies))


def roots_of(folder: IssuerFolder) -> frozenset[str]:
    """Return the SHA-256 of every root that an issuer has published, in hex."""
    paths = folder.metadata.glob(f"*.{ROOT}.json")
    return frozenset(hashlib.sha256(it.read_bytes()).hexdigest() for it in paths)


def listed_by(now: Published) -> dict[str, int]:
    """Return the sequence that listed each entry, as far as the served deltas tell."""
    found: dict[str, int] = {}
    if now.hashset is None:
        return found
    manifest = now.hashset.manifest
    if manifest.deltas:
        for delta, path in zip(
            manifest.deltas,
            manifests.plan(manifest, manifest.deltas[0].older).paths,
            strict=True,
        ):
            for line in ops.unpacked(now.hashset.read(path)).splitlines():
                if line.startswith(ops.ADD):
                    found.setdefault(ops.id_of(line), delta.to)
    return found


def _checked(
    path: Path,
    copy: IO[bytes],
    operators: Mapping[str, SSlibKey],
    roots: frozenset[str],
) -> tuple[bytes, VerifiedFeedback]:
    with path.open("rb") as file:
        first = _line(file)
        header = feedback.parse_header(first)
        key = _key_of(header, operators)
        if header.root not in roots:
            raise _refused(
                f"it is about another set: this set has no root {header.root[:16]}",
                "Which set did the operator trust? Name that set's folder.",
            )
        digest, before = hashlib.sha256(first), ""
        for _ in range(header.entries):
            line = _line(file)
            entry = feedback.parse_entry(line, header)
            if entry.id <= before:
                raise _refused("its entries are not sorted by id", _AGAIN)
            before = entry.id
            digest.update(line)
            copy.write(line)
        signature = feedback.parse_signature(_line(file))
        if file.read(1):
            raise _refused("there are bytes after its signature", _AGAIN)
    _verify(key, signature, digest.digest())
    known = name_of(key)
    return digest.digest(), VerifiedFeedback(header=_as(header, known), copy=copy)


_AGAIN: Final = "No line of it was counted. Ask the operator for the file again."


def _line(file: IO[bytes]) -> bytes:
    line = file.readline(feedback.MOST_LINE_BYTES + 1)
    if len(line) > feedback.MOST_LINE_BYTES:
        raise _refused("a line is too long", _AGAIN)
    if not line.endswith(b"\n"):
        raise _refused("it is cut off", _AGAIN)
    return line


def _key_of(header: FeedbackHeader, operators: Mapping[str, SSlibKey]) -> SSlibKey:
    key = operators.get(header.public)
    if key is None:
        raise _refused(
            f"no operator has the key {header.public[:16]}, which calls itself "
            f"{header.operator!r}",
            "Ask the operator for the public key, compare it by telephone, and put it "
            f"into the folder {OPERATORS!r}, or name it with --operator.",
        )
    return key


def _verify(key: SSlibKey, signature: str, digest: bytes) -> None:
    try:
        key.verify_signature(
            Signature(key.keyid, signature), feedback.signed_bytes(digest)
        )
    except (UnverifiedSignatureError, VerificationError, ValueError) as exc:
        raise _refused("its signature is wrong", _AGAIN) from exc


def _as(header: FeedbackHeader, name: str) -> FeedbackHeader:
    return msgspec.structs.replace(header, operator=name)


def _hex(key: SSlibKey) -> str:
    return str(key.keyval["public"])


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except FeedbackError as exc:
        raise FeedbackError(f"{str(path)!r}: {exc}", hint=exc.hint) from exc
    except OSError as exc:
        raise FeedbackError(
            f"{str(path)!r}: it cannot be read: {exc.strerror}",
            hint="Check the path, and that this user may read the file.",
        ) from exc


def _refused(what: str, hint: str) -> FeedbackError:
    return FeedbackError(what, hint=hint)
