"""Open the doors for applications and front ends, from the parts of the service."""

import time
from dataclasses import dataclass
from importlib.metadata import version

from uploadfilter.doors.asking import (
    CHECK,
    SCAN,
    AskedUploads,
    check_answer,
    scan_answer,
)
from uploadfilter.doors.asking import reading_below as below
from uploadfilter.doors.clamd import ClamdDoor
from uploadfilter.doors.lookups import LookUps
from uploadfilter.doors.quotas import Quotas
from uploadfilter.doors.scanapi import ScanAPI
from uploadfilter.doors.tokens import TokenFile
from uploadfilter.errors import StoreError
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.proxy.handling.composing import Composed
from uploadfilter.proxy.handling.proxy import Proxy
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress
from uploadfilter.web.clients.listening import Served, ServedRaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the doors share with the proxy."""

    parts: Composed
    watched: Watched
    tokens: TokenFile

    def api(self, address: TCPAddress | UnixAddress | None) -> Served:
        """Return the scan API and its addresses: none if it is not wanted."""
        if address is None:
            return Served(self._api(None).handle, ())
        tokens = self.tokens if isinstance(address, TCPAddress) else None
        return Served(self._api(tokens).handle, (address,))

    def clamd(self, address: TCPAddress | UnixAddress | None) -> ServedRaw:
        """Return the clamd door and its addresses: none if it is not wanted."""
        watched, software = self.watched, f"uploadfilter {version('uploadfilter')}"

        def describe() -> str:
            """Name the reference set as clamd does its signatures: number and date."""
            generation = watched.generation
            sets = generation.sets if generation else ()
            date = time.gmtime(max((it.imported_at for it in sets), default=0))
            number = generation.number if generation else 0
            return f"{software}/{number}/{time.asctime(date)}"

        door = ClamdDoor(
            intake=self.parts.intake,
            in_force=watched.in_force,
            drain=watched.drain,
            metrics=watched.metrics,
            version=describe,
            quotas=Quotas(self._places),
        )
        return ServedRaw(door.answer, () if address is None else (address,))

    def _api(self, tokens: TokenFile | None) -> ScanAPI:
        scan = AskedUploads(
            intake=self.parts.intake,
            answer=scan_answer,
            rejected_in_body=True,
        )
        check = AskedUploads(
            intake=self.parts.intake,
            answer=check_answer,
            rejected_in_body=False,
        )
        return ScanAPI(
            scan=self._asked(SCAN, scan).handle,
            check=self._asked(CHECK, check).handle,
            lookups=LookUps(self.watched.reference, self.parts.background),
            in_force=self.watched.in_force,
            is_ready=self.is_ready,
            tokens=tokens,
            turned_away=self.parts.intake.count_turned_away,
            quotas=Quotas(self._places),
        )

    def _asked(self, prefix: str, asking: AskedUploads) -> Proxy:
        return Proxy(
            in_force=self.watched.in_force,
            drain=self.watched.drain,
            metrics=self.watched.metrics,
            canaries=self.parts.canaries,
            assembling=None,
            intake=asking,
            passing=asking,
            websockets=None,
            reading=below(prefix),
        )

    def _places(self) -> int:
        return self.parts.intake.places(self.watched.in_force.settings.limits)

    def is_ready(self) -> bool:
        """Return whether uploads can be decided now."""
        watched = self.watched
        try:
            watched.reference.current()
        except StoreError:
            return False
        has_scanners = watched.scanners.load.is_ready
        return has_scanners and watched.is_writable() and not watched.drain.begun
