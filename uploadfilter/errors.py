"""Every error this package raises on purpose.

Catch the widest class you can act on::

    UploadFilterError
    ├── UsageError                the command line was wrong
    ├── ConfigError               the operator must edit a file
    ├── HashSetError              a hash set was refused; the old one stays in force
    │   ├── HashSetFormatError    the file is not in the expected format
    │   ├── HashSetNameError      no such set, or the name is taken or unusable
    │   ├── HashSetTrustError     a signed set is not signed as it must be, or is old
    │   ├── HashSetSourceError    a signed set cannot be fetched
    │   ├── HashSetBusyError      another process syncs the same set
    │   ├── HashSetGateError      a signed set has entries or changes a person must see
    │   └── HashSetKnownGoodError a known-good corpus cannot be used
    ├── IssuerError               an issuer's folder, key or proposal cannot be used
    ├── FeedbackError             feedback cannot be made, or cannot be counted
    ├── StoreError                the reference set cannot be read or written
    │   ├── StoreMissingError     there is none yet
    │   ├── StoreCorruptError     it is there, but damaged
    │   ├── StoreVersionError     a newer version of this program wrote it
    │   ├── StoreBusyError        another writer holds the lock
    │   ├── StorePinnedError      a rollback has not been released yet
    │   └── StoreKeyError         the key that opens the exact signals is missing
    ├── LogError                  the decision log cannot be read or written
    │   ├── LogBusyError          another process writes to it
    │   ├── LogWriteError         a record could not be made durable
    │   ├── LogVersionError       a newer version wrote it
    │   └── LogCorruptError       a record was changed, lost or moved
    ├── ScannerError              no scanner process can be started
    ├── CopySearchError           no process can search for altered copies
    ├── LookBackError             a store of signals cannot be made or matched
    ├── EvidenceError             sealed evidence cannot be opened
    ├── BackupError               the state cannot be backed up or restored
    ├── ObjectionError            objections and notices cannot be kept or read
    └── ServiceError              the service cannot start: address, origin, instance

A match, a malformed request and content that cannot be scanned are not errors.
They are values: see ``model.Verdict``, ``model.Reason`` and ``uploads.Refusal``.

``code`` is stable; ``docs/operating/reasons.md`` explains it. ``exit_code`` is what the
command line ends with; ``hint`` says what the operator does next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override


class UploadFilterError(Exception):
    """The base class of all deliberate errors.

    Args:
        message: What failed, for which thing, at which limit or for which cause;
            lower case, no full stop, never content or personal data.
        hint: What the operator does next, as a full sentence; empty if nothing helps.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(UploadFilterError):
    """The command line was wrong."""

    code = "usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigProblem:
    """One mistake in the configuration.

    Attributes:
        source: The file, option or environment variable that holds the mistake.
        line: The line in the file, from 1; ``None`` without a file.
        key: The key, as ``limits.max_parts``; empty if the mistake concerns all keys.
        text: The key, the value and the mistake; nothing secret.
        hint: What the operator does next.
    """

    source: str
    line: int | None
    key: str
    text: str
    hint: str

    @override
    def __str__(self) -> str:
        """Return the mistake as one line that starts with a place editors can open."""
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{where}: {self.text}"


class ConfigError(UploadFilterError):
    """The configuration cannot be used; the message names key, value and remedy.

    Args:
        message: As for every error; one line for each of several problems.
        hint: As for every error.
        problems: All mistakes one by one, if they are known.
    """

    code = "config"

    def __init__(
        self, message: str, *, hint: str = "", problems: Sequence[ConfigProblem] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class HashSetError(UploadFilterError):
    """A hash set was refused; the one accepted before stays in force."""

    code = "hash_set"


class HashSetFormatError(HashSetError):
    """The file does not have the expected format or structure."""

    code = "hash_set_format"


class HashSetNameError(HashSetError):
    """There is no hash set of that name, or the name cannot be used."""

    code = "hash_set_name"


class HashSetTrustError(HashSetError):
    """A signed set is not signed as it must be, is too old, or was tampered with."""

    code = "hash_set_trust"


class HashSetSourceError(HashSetError):
    """A signed set cannot be fetched from its source."""

    code = "hash_set_source"


class HashSetBusyError(HashSetError):
    """Another process syncs the same signed set."""

    code = "hash_set_busy"


class HashSetGateError(HashSetError):
    """A signed set did not pass the gate: a person has to look at it first."""

    code = "hash_set_gate"


class HashSetKnownGoodError(HashSetError):
    """A known-good corpus is missing, damaged, or cannot be written."""

    code = "hash_set_known_good"


class IssuerError(UploadFilterError):
    """An issuer's folder, key or proposal cannot be used as requested."""

    code = "issuer"


class FeedbackError(UploadFilterError):
    """Feedback for an issuer cannot be made, or cannot be counted."""

    code = "feedback"


class StoreError(UploadFilterError):
    """The reference set cannot be read or written."""

    code = "store"


class StoreMissingError(StoreError):
    """There is no reference set yet, which is not the same as an empty one."""

    code = "store_missing"


class StoreCorruptError(StoreError):
    """The reference set is there, but damaged."""

    code = "store_corrupt"


class StoreVersionError(StoreError):
    """The reference set was written by a newer version of this program."""

    code = "store_version"


class StoreBusyError(StoreError):
    """Another process is changing the reference set."""

    code = "store_busy"


class StorePinnedError(StoreError):
    """A rollback pinned the generation in force, and nobody has released it yet."""

    code = "store_pinned"


class StoreKeyError(StoreError):
    """The key of the exact signals is missing, unreadable or the wrong one."""

    code = "store_key"


class LogError(UploadFilterError):
    """The decision log cannot be read or written."""

    code = "log"


class LogBusyError(LogError):
    """Another process writes to this decision log."""

    code = "log_busy"


class LogWriteError(LogError):
    """A record could not be made durable, so no effect may follow it."""

    code = "log_write"


class LogVersionError(LogError):
    """The decision log was written by a newer version of this program."""

    code = "log_version"


class LogCorruptError(LogError):
    """The chain of records is broken: one was changed, lost, inserted or moved."""

    code = "log_corrupt"
    exit_code = 1


class ScannerError(UploadFilterError):
    """No scanner process can be started or kept alive."""

    code = "scanner"


class CopySearchError(UploadFilterError):
    """The process that searches for altered copies did not start, or ended."""

    code = "copy_search"


class LookBackError(UploadFilterError):
    """A store of signals cannot be made, or cannot be matched."""

    code = "look_back"


class EvidenceError(UploadFilterError):
    """Sealed evidence cannot be opened: a wrong key, or a damaged file."""

    code = "evidence"


class BackupError(UploadFilterError):
    """The state directory cannot be backed up or restored."""

    code = "backup"


class ObjectionError(UploadFilterError):
    """Objections, their key or the queue of notices cannot be read or written."""

    code = "objection"


class ServiceError(UploadFilterError):
    """The service cannot start or go on."""

    code = "service"
