"""Verify a signed set with python-tuf, and explain each fault in words.

Rules this module keeps: no data of a source is used before its signatures, versions and
end of validity are verified; each kind of failure has its own error and hint; names of
files are made of numbers, never taken from the source.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuf.api import exceptions as tuf_errors
from tuf.api.metadata import Metadata, Targets
from tuf.ngclient import Updater, UpdaterConfig

from uploadfilter.errors import (
    HashSetError,
    HashSetFormatError,
    HashSetSourceError,
    HashSetTrustError,
    StoreError,
)
from uploadfilter.signedsets import manifest as manifests
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.manifest import MOST_MANIFEST_BYTES, Manifest
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    MANIFEST_PATH,
    METADATA_FOLDER,
    REVOKE,
    REVOKED_PATH,
    ROOT,
    TARGETS,
    TARGETS_FOLDER,
    TIMESTAMP,
)
from uploadfilter.state import make_private
from uploadfilter.syncing.fetching import HTTPFetcher, fetcher_for
from uploadfilter.syncing.trusting import Trusted

MOST_FILE_BYTES: Final = ops.MOST_BLOB_BYTES
"""Most bytes of a fetched file: packed, it is not longer than unpacked."""

MOST_WITHDRAWALS_BYTES: Final = 16 << 20
"""Most bytes of the list of withdrawals, packed or not: 300,000 ids of 32 characters.
One person alone signs it, and it is unpacked as a whole before it is counted."""

_CONFIG: Final = UpdaterConfig(
    max_root_rotations=64,
    max_delegations=2,
    timestamp_max_length=16_384,
    snapshot_max_length=65_536,
    targets_max_length=1_000_000,
)
"""One root a month covers five years of absence. 256 shards and 256 deltas take 90
kB."""

_ROLES: Final = (ROOT, TARGETS, HASHSET, REVOKE, GATHERED, TIMESTAMP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The verified data of a source.

    Attributes:
        sha256: SHA-256 of the manifest's file, in hex.
        bytes: Length of that file.
        withdrawn: Ids of entries that are withdrawn.
        signers: The holders that signed the set.
        versions: Version of each role's metadata.
        expires_at: When the first signature ends, in seconds since the epoch.
        expires: The role of that signature.
    """

    manifest: Manifest
    sha256: str
    bytes: int
    withdrawn: tuple[str, ...]
    signers: tuple[str, ...]
    versions: dict[str, int]
    expires_at: int
    expires: str


class Client:
    """Reads one signed set from one source, once.

    Raises:
        UsageError: The source is neither a folder nor a URL.
        HashSetTrustError: No root is trusted.
    """

    def __init__(self, trusted: Trusted, source: str) -> None:
        self._trusted = trusted
        fetcher, base = fetcher_for(source)
        self._fetcher = fetcher
        with _translated():
            make_private(trusted.metadata)
            make_private(trusted.downloads)
            # python-tuf would make it readable for everybody.
            make_private(trusted.metadata / "root_history")
            self._updater = Updater(
                str(trusted.metadata),
                f"{base}/{METADATA_FOLDER}/",
                target_base_url=f"{base}/{TARGETS_FOLDER}/",
                fetcher=fetcher,
                config=_CONFIG,
                bootstrap=trusted.root(),
            )

    def verify(self) -> Verified:
        """Find the newest set, and verify that it is signed.

        Raises:
            HashSetTrustError: The signatures are missing or wrong.
            HashSetSourceError: It cannot be fetched.
            HashSetFormatError: It is signed, but cannot be used.
        """
        with _translated():
            self._updater.refresh()
            manifest_file = self._fetched(MANIFEST_PATH, MOST_MANIFEST_BYTES)
            revoked_file = self._fetched(REVOKED_PATH, MOST_WITHDRAWALS_BYTES)
            ends = self._metadata()
        expires_at, expires = min(ends[role][1:] for role in _ROLES)
        data = manifest_file.read_bytes()
        return Verified(
            manifest=manifests.parse(data),
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            withdrawn=_withdrawals(revoked_file.read_bytes()),
            signers=self._signers(),
            versions={role: version for role, (version, _, _) in ends.items()},
            expires_at=expires_at,
            expires=expires,
        )

    def fetch(self, path: str) -> bytes:
        """Return a file of the set, from an earlier try if it was complete.

        Raises:
            HashSetTrustError: The file differs from the signed one.
            HashSetSourceError: The file cannot be fetched.
        """
        with _translated():
            return self._fetched(path, MOST_FILE_BYTES).read_bytes()

    def close(self) -> None:
        """Close the connection."""
        if isinstance(self._fetcher, HTTPFetcher):
            self._fetcher.close()

    def clear(self) -> None:
        """Remove the fetched files."""
        shutil.rmtree(self._trusted.downloads, ignore_errors=True)

    def _fetched(self, path: str, most_bytes: int) -> Path:
        info = self._updater.get_targetinfo(path)
        if info is None:
            raise tuf_errors.RepositoryError(
                f"no role that may sign {path} has signed it"
            )
        if info.length > most_bytes and path == REVOKED_PATH:
            raise _not_to_be_believed(f"{path} would have {info.length:,} bytes")
        if info.length > most_bytes:
            raise tuf_errors.LengthOrHashMismatchError(
                f"{path} would have {info.length:,} bytes"
            )
        place = self._trusted.downloads / path.replace("/", "_")
        if self._updater.find_cached_target(info, str(place)) is None:
            self._updater.download_target(info, str(place))
        return place

    def _metadata(self) -> dict[str, tuple[int, int, str]]:
        found = {}
        for role in _ROLES:
            signed = self._read(role).signed
            found[role] = (signed.version, int(signed.expires.timestamp()), role)
        return found

    def _signers(self) -> tuple[str, ...]:
        with _translated():
            delegations = md.parsed(self._bytes(TARGETS), Targets)
            hashset = md.parsed(self._bytes(HASHSET), Targets)
            return md.signatures(delegations, HASHSET, hashset).by

    def _read(self, role: str) -> "Metadata":  # type: ignore[type-arg]  # of any role
        return Metadata.from_bytes(self._bytes(role))

    def _bytes(self, role: str) -> bytes:
        return (self._trusted.metadata / f"{role}.json").read_bytes()


def _withdrawals(data: bytes) -> tuple[str, ...]:
    try:
        return ops.withdrawals(ops.unpacked(data, most_bytes=MOST_WITHDRAWALS_BYTES))
    except HashSetFormatError as exc:
        raise _not_to_be_believed(str(exc)) from exc


def _not_to_be_believed(what: str) -> HashSetFormatError:
    return HashSetFormatError(
        f"the list of withdrawals cannot be used: {what}",
        hint="The set in force stays. The withdrawal key signed this list: tell the "
        "issuer at once, because the key may be stolen.",
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the errors of python-tuf into errors of this program.

    Raises:
        HashSetTrustError: Signatures, versions, ends of validity or digests are wrong.
        HashSetSourceError: Something could not be fetched.
        StoreError: The state directory cannot be written.
    """
    try:
        yield
    except (tuf_errors.RepositoryError, tuf_errors.DownloadError) as exc:
        raise _error_of(exc) from exc
    except OSError as exc:
        raise StoreError(
            f"cannot keep the verified data: {exc.strerror}",
            hint="The set in force stays. Make room on the disk of the state "
            "directory, or check that it is writable.",
        ) from exc


def _error_of(exc: Exception) -> HashSetError:
    for kind, error, words, hint in _WORDS:
        if isinstance(exc, kind):
            return error(f"{words}: {exc}", hint=f"The set in force stays. {hint}")
    return HashSetTrustError(
        f"the signed set is damaged: {exc}",
        hint="The set in force stays. Get it anew, and tell the issuer if it happens "
        "again.",
    )


_WORDS: Final[tuple[tuple[type[Exception], type[HashSetError], str, str], ...]] = (
    (
        tuf_errors.ExpiredMetadataError,
        HashSetTrustError,
        "the signatures have ended",
        (
            "Get a newer stick, or ask the issuer to renew; and check this machine's "
            "clock."
        ),
    ),
    (
        tuf_errors.BadVersionNumberError,
        HashSetTrustError,
        "it is older than the set that was taken before, or a mixture of two",
        (
            "Is it an old stick? Get the newest one. If a server sent it, tell the "
            "issuer: somebody may hold back newer sets."
        ),
    ),
    (
        tuf_errors.UnsignedMetadataError,
        HashSetTrustError,
        "it has too few valid signatures",
        (
            "Do not use it, and tell the issuer at once: somebody tried to give you a "
            "set that was not signed by enough people."
        ),
    ),
    (
        tuf_errors.LengthOrHashMismatchError,
        HashSetTrustError,
        "a file differs from the signed one",
        (
            "The copy is damaged, or somebody changed it: get it anew, and tell the "
            "issuer if it happens again."
        ),
    ),
    (
        tuf_errors.DownloadLengthMismatchError,
        HashSetSourceError,
        "the source sends more bytes than were signed",
        "The copy is damaged, or the server is not the issuer's: check the source.",
    ),
    (
        tuf_errors.SlowRetrievalError,
        HashSetSourceError,
        "the source is too slow",
        "Try again later; if it goes on, somebody may hold back newer sets.",
    ),
    (
        tuf_errors.DownloadHTTPError,
        HashSetSourceError,
        "a file cannot be fetched",
        "Check the path or URL: 'metadata' and 'targets' have to be in it.",
    ),
    (
        tuf_errors.DownloadError,
        HashSetSourceError,
        "the source cannot be read",
        "Check the path or URL, the network and the certificate.",
    ),
)
"""Errors of python-tuf, the narrowest first, with message and hint."""
