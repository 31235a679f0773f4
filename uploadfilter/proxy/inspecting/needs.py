"""The interfaces of reference set and scanners that an upload needs."""

from collections.abc import Callable, Sequence
from typing import Protocol

from uploadfilter.model import Scan, SignalType
from uploadfilter.reference.search.matching import Generation
from uploadfilter.scanners.wire.messages import ContentSpan, Handed


class Reference(Protocol):
    """An object that knows the newest generation of the reference set."""

    def at_hand(self) -> Generation | None:
        """Return it if that takes no time, ``None`` if it must be opened first."""

    def current(self) -> Generation:
        """Return the newest generation.

        Raises:
            StoreError: There is no usable one.
        """


class Scanners(Protocol):
    """An object that scans contents in processes of their own."""

    async def scan(
        self,
        upload: Handed,
        spans: Sequence[ContentSpan],
        *,
        types: frozenset[SignalType],
        client: str,
        on_cost: Callable[[float], None],
    ) -> tuple[Scan, ...]:
        """Scan parts of an upload for a client; a failure is the reason of a scan."""
