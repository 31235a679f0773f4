"""Keep what a witness has signed, in a folder of its own.

::

    FOLDER              0700
      key               the private key, 32 bytes; 0600
      public            the public key as text, with the name of the witness
      <origin>.note     the newest checkpoint of a log, signed by it and by the witness

``<origin>`` is a hash of the log's origin. ``verify --witness`` takes a note.

Rules this module keeps: a checkpoint is durable before its cosignature leaves. A note
that cannot be read is not taken for a log that was never seen.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from uploadfilter.decisions.tree.notes import (
    COSIGNATURE,
    MOST_NOTE_BYTES,
    Note,
    Signature,
    Signer,
    TreeHead,
    Verifier,
    is_key_name,
)
from uploadfilter.decisions.tree.witnessing import Submission, WitnessRefusal, refusal
from uploadfilter.errors import UsageError, WitnessError
from uploadfilter.state import make_private, only_one, write_private

_KEY_FILE: Final = "key"
_PUBLIC_FILE: Final = "public"
_LOCK_FILE: Final = "lock"
_SEED_BYTES: Final = 32
_NAME_BYTES: Final = 16


class WitnessKeeper:
    """Signs checkpoints, and remembers them; make it with ``opened``.

    Args:
        folder: Its folder.
        signer: Its key.
        logs: The keys of the logs that it watches.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        signer: Signer,
        logs: list[Verifier],
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._signer = signer
        self._logs = {log.name: log for log in logs}
        self._clock = clock
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def opened(
        cls,
        folder: Path,
        *,
        name: str | None,
        logs: list[Verifier],
        clock: Callable[[], float],
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> Iterator["WitnessKeeper"]:
        """Open a witness while the block runs; make its folder and key at first.

        Args:
            folder: Its folder.
            name: Its name; needed the first time only.
            logs: The keys of the logs that it watches.
            clock: Returns seconds since the epoch.
            entropy: Returns random bytes.

        Raises:
            UsageError: The name is missing, not allowed, or another one.
            WitnessError: The folder cannot be used, or another process uses it.
        """
        with ExitStack() as stack:
            signer = cls._locked(stack, folder, name, entropy)
            yield cls(folder, signer, logs, clock)

    @staticmethod
    def _locked(
        stack: ExitStack,
        folder: Path,
        name: str | None,
        entropy: Callable[[int], bytes],
    ) -> Signer:
        """Lock the folder until the stack closes, and return the key."""
        try:
            make_private(folder)
            stack.enter_context(only_one(folder / _LOCK_FILE))
            return _signer(folder, name, entropy)
        except BlockingIOError as exc:
            raise WitnessError(
                f"another witness runs in {str(folder)!r}",
                hint="Stop it, or give this one another folder.",
            ) from exc
        except OSError as exc:
            raise WitnessError(
                f"cannot use {str(folder)!r}: {exc.strerror}",
                hint="Check the path, its owner and the space on its disk.",
            ) from exc

    @property
    def public(self) -> Verifier:
        """The public key of the witness."""
        return self._signer.verifier

    def latest(self, origin: str) -> TreeHead | None:
        """Return the newest checkpoint of a log that was signed; ``None`` if none was.

        Raises:
            WitnessError: The note is damaged.
        """
        path = self._path(origin)
        try:
            with path.open("rb") as file:
                note = Note.parse(file.read(MOST_NOTE_BYTES + 1))
            head = TreeHead.parse(note.text)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise self._damaged(path) from exc
        if head.origin != origin or self.public.signed_time(note) is None:
            raise self._damaged(path)
        return head

    def add(self, submission: Submission) -> Signature | WitnessRefusal:
        """Sign a checkpoint if it continues the last one, and keep it durably.

        Raises:
            OSError: It cannot be kept.
            WitnessError: The last one is damaged.
        """
        note, head = submission.note, submission.head
        # Two submissions at once must not both be compared with the same checkpoint.
        with self._lock:
            log = self._logs.get(head.origin)
            latest = None if log is None else self.latest(head.origin)
            why = refusal(submission, log, latest)
            if why is not None or log is None:
                return why or WitnessRefusal.UNKNOWN_LOG
            signature = self._signer.sign(note.text, time_s=int(self._clock()))
            by_log = [it for it in note.signatures if it.key_id == log.key_id]
            kept = Note(note.text, (*by_log, signature))
            write_private(self._path(head.origin), kept.data)
            return signature

    def _path(self, origin: str) -> Path:
        digest = hashlib.sha256(origin.encode()).hexdigest()
        return self._folder / f"{digest[: 2 * _NAME_BYTES]}.note"

    @staticmethod
    def _damaged(path: Path) -> WitnessError:
        return WitnessError(
            f"the checkpoint {str(path)!r} cannot be read",
            hint="Restore it from a backup. Without it, this witness could sign a "
            "checkpoint that contradicts an earlier one.",
        )


def _signer(folder: Path, name: str | None, entropy: Callable[[int], bytes]) -> Signer:
    """Return the key of a witness; make it at first."""
    key, public = folder / _KEY_FILE, folder / _PUBLIC_FILE
    if not public.exists():
        if name is None or not is_key_name(name):
            raise UsageError(
                "a new witness needs a name without spaces and plus signs",
                hint="Give --name, for example witness.example.org/1.",
            )
        write_private(key, entropy(_SEED_BYTES))
        made = Signer(name, key.read_bytes(), kind=COSIGNATURE)
        write_private(public, made.verifier.text.encode() + b"\n")
    try:
        known = Verifier.parse(public.read_text("utf-8"))
        signer = Signer(known.name, key.read_bytes(), kind=COSIGNATURE)
    except (FileNotFoundError, ValueError) as exc:
        raise _key_error(folder) from exc
    if signer.verifier != known:
        raise _key_error(folder)
    if name not in (None, known.name):
        raise UsageError(
            f"the witness in {str(folder)!r} has the name {known.name!r}",
            hint="Leave --name out, or give another folder.",
        )
    return signer


def _key_error(folder: Path) -> WitnessError:
    return WitnessError(
        f"the key of the witness in {str(folder)!r} is missing or damaged",
        hint="Restore the files 'key' and 'public' from a backup. A new witness needs "
        "another folder, and its key must be made known.",
    )
