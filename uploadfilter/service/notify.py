"""Notify the service manager of readiness, reloads, the stop, and the watchdog.

The protocol of ``sd_notify(3)``: lines of ``NAME=value`` in one datagram to the unix
socket that ``NOTIFY_SOCKET`` names. Without that variable nothing is sent, and the
caller need not know.

The watchdog's ping proves that the process works. The event loop sends it, so that a
loop that hangs sends no ping; and only while the irreplaceable parts are alive. A full
disk or a lost origin is no reason to withhold the ping: uploads are answered 503 then,
and a restart would end those in flight without a remedy.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from uploadfilter.errors import ServiceError

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_ABSTRACT: Final = "@"
"""The manager's notation for the NUL at the start of an abstract socket's name."""

_PINGS_PER_TIME: Final = 2
"""One ping may be late or lost; ``sd_watchdog_enabled(3)`` recommends half the time."""


class Manager:
    """The service manager, if it asks for notifications.

    Sending never blocks and never raises: a message that cannot be sent is noted in the
    operational log.

    Args:
        address: The address of the manager's socket: a path, or ``@`` and an abstract
            name; ``None`` for no notifications.
        watchdog_s: Seconds without a ping after which the manager kills this process;
            ``None`` without a watchdog.

    Raises:
        ServiceError: The address is neither a path nor an abstract name.
    """

    def __init__(self, address: str | None, *, watchdog_s: float | None = None) -> None:
        if address is not None and address[:1] not in {"/", _ABSTRACT}:
            raise ServiceError(
                f"NOTIFY_SOCKET = {address!r} is neither a path nor an abstract socket",
                hint="The service manager sets it; do not set it by hand.",
            )
        self._address = address
        if address is not None and address.startswith(_ABSTRACT):
            self._address = "\0" + address.removeprefix(_ABSTRACT)
        self.watchdog_s = watchdog_s

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Manager":
        """Return the manager that an environment describes.

        Args:
            environment: It holds ``NOTIFY_SOCKET``, and ``WATCHDOG_USEC`` and
                ``WATCHDOG_PID`` if there is a watchdog for this process.

        Raises:
            ServiceError: A variable has an invalid value.
        """
        address = environment.get("NOTIFY_SOCKET") or None
        return cls(address, watchdog_s=_watchdog_s(environment))

    def ready(self, status: str) -> None:
        """Notify that the service is ready: at the start, and after each reload."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Notify that settings are being reloaded; ``ready`` ends the reload.

        ``Type=notify-reload`` needs the time, to tell this reload from an earlier one.
        """
        now_us = time.monotonic_ns() // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def stopping(self, status: str) -> None:
        """Notify that requests in flight are finished and no new ones are accepted."""
        self._send("STOPPING=1", f"STATUS={status}")

    async def keep_watchdog(self, alive: Callable[[], bool]) -> None:
        """Send pings until cancelled, as long as the irreplaceable parts work.

        Args:
            alive: Returns whether the parts work that only a restart replaces.
        """
        if self.watchdog_s is None:
            return
        is_ailing = False
        while True:
            if alive():
                self._send("WATCHDOG=1")
            elif not is_ailing:
                is_ailing = True
                log.error(
                    "watchdog_withheld",
                    hint="The writer of the decision log has ended; the service "
                    "manager will restart the proxy.",
                )
            await asyncio.sleep(self.watchdog_s / _PINGS_PER_TIME)

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            with socket.socket(socket.AF_UNIX, kind) as sock:
                sock.sendto("\n".join(lines).encode(), self._address)
        except OSError as exc:
            log.warning("notify_failed", message=lines[0], error=exc.strerror)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Return the watchdog's timeout in seconds; ``None`` if not for this process."""
    pid = environment.get("WATCHDOG_PID")
    if pid is not None and pid != str(os.getpid()):
        return None
    text = environment.get("WATCHDOG_USEC")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ServiceError(
            f"WATCHDOG_USEC = {text!r} is not a number of microseconds",
            hint="The service manager sets it; do not set it by hand.",
        )
    return int(text) / 1_000_000
