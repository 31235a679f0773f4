"""The lasting faults that uploads meet: of the log, of origins, of front ends."""

import logging
import time
from collections.abc import Callable

import structlog

from uploadfilter.errors import LogError, LogWriteError
from uploadfilter.ongoing import QUIET_S, OngoingFaults
from uploadfilter.uploads.head.clientside import ClientSide
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.requests.live import LiveSettings

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class UploadFaults(OngoingFaults):
    """Tells the operator about faults that uploads meet, until they are over.

    Args:
        metrics: Counts failures of origins.
        clock: Monotonic seconds.
    """

    def __init__(
        self, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(log, quiet_s=QUIET_S, clock=clock)
        self._metrics = metrics
        self._is_unlimited_told = False

    def say_unwritable(self, error: LogError) -> None:
        """Tell the operator that uploads cannot be put on record."""
        self.fail("decision_log_unwritable", error=str(error), hint=error.hint)

    def say_full(self) -> None:
        """Tell the operator that the disk has no room for decisions."""
        self.say_unwritable(
            LogWriteError(
                "the disk of the decision log has only the space left that is kept "
                "back "
                "(reserve_bytes)",
                hint="Free space: uploads go on by themselves, without a restart.",
            )
        )

    def note_origin(self, origin: str, answer: object) -> None:
        """Note whether an origin has answered; tell the operator if it did not.

        Args:
            origin: Its name.
            answer: Its answer, or an ``OriginFailure``.
        """
        if not isinstance(answer, OriginFailure):
            self.recover("origin_failed", origin)
            return
        self._metrics.origin_failed(answer)
        self.fail(
            "origin_failed",
            origin,
            level=logging.WARNING,
            origin=origin,
            failure=answer.name.lower(),
            status=answer.value,
        )

    def say_unlimited(self, side: ClientSide, settings: LiveSettings) -> None:
        """Tell the operator once that an upload seems to come from this machine.

        Such uploads have no limits for each client: most likely a front end on this
        machine sends them for clients whom it does not name.
        """
        if self._is_unlimited_told:
            return
        self._is_unlimited_told = True
        header = settings.client_header
        log.warning(
            "client_limits_off",
            hint=f"The front end is in trusted_proxies, and sends no address of the "
            f"client in {header}: let it add that header."
            if side.trusted
            else "Uploads from this machine have no limits for each client. If they "
            "come from a front end, name it in trusted_proxies.",
        )
