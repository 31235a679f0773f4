"""Hold the place and the spools of an upload, until they are released."""

from collections.abc import Callable
from types import TracebackType
from typing import Self


class Held:
    """The place and the spools of an upload, until they are released.

    ``ExitStack`` does the same with twenty calls more.
    """

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []

    def until_released(self, end: Callable[[], None]) -> None:
        """Call ``end`` when everything is released, the last one first."""
        self._ends.append(end)

    def release(self) -> None:
        """Release everything, even if one end fails; idempotent."""
        while self._ends:
            end = self._ends.pop()
            try:
                end()
            except BaseException:
                self.release()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the rest."""
        self.release()
