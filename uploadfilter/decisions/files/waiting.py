"""Hold records that wait for the writer, with the futures of their callers."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from typing_extensions import override

from uploadfilter.decisions.records.chain import Draft
from uploadfilter.decisions.records.lasting import ChangeRecord, TotalRecord
from uploadfilter.decisions.records.records import Checkpoint, Record
from uploadfilter.errors import LogWriteError

GROUP_BYTES = 4 * 1024 * 1024
"""Size of a group, which bounds the loss in a crash and the waiting time."""

_Result = TypeVar("_Result")


class PendingRecord(Generic[_Result]):
    """A record that waits for the writer, with the future of its caller."""

    def __init__(self, record: Record, result: Callable[[Record], _Result]) -> None:
        self.record = record
        self._result = result
        self.future: Future[_Result] = _Kept()

    def settle(self, chained: Record) -> None:
        """Resolve the future: the record is durable."""
        self.future.set_result(self._result(chained))

    def fail(self, error: LogWriteError) -> None:
        """Fail the future: the record is not in the log."""
        if not self.future.done():
            self.future.set_exception(error)


class _Kept(Future[_Result]):
    """A future that cannot be cancelled: the record stays if the caller leaves."""

    @override
    def cancel(self) -> bool:
        return False


Waiting = PendingRecord[int] | PendingRecord[Checkpoint]


def lasts(pending: Waiting) -> bool:
    """Return whether a record belongs to a segment that is never deleted."""
    return isinstance(pending.record, ChangeRecord | TotalRecord)


def chained(draft: Draft, group: Sequence[Waiting]) -> Iterator[Record | None]:
    """Chain records up to ``GROUP_BYTES``; yield ``None`` for an unusable one.

    Only the unusable record fails: its caller may have put invalid text into it.
    """
    for pending in group:
        if draft.size >= GROUP_BYTES:
            return
        try:
            yield draft.add(pending.record)
        except (ValueError, TypeError, OverflowError) as exc:
            pending.fail(LogWriteError(f"a record cannot be encoded: {exc}"))
            yield None
