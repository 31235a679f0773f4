"""A scanned picture, of which an issuer makes an entry."""

from dataclasses import replace

from tests.corpus import pictures
from tests.scanners.scans import scanned
from uploadfilter.issuing.building import LeftOut, entry_of
from uploadfilter.model import Entry, Scan, Signal, SignalType
from uploadfilter.signals import pdq

SHA256 = Signal(type=SignalType.SHA256, value=bytes(range(32)))

PHOTO = replace(
    scanned(pictures.png(pictures.photograph(5, width=120, height=90))),
    exact=(SHA256,),
)


def made(scan: Scan, entry_id: str = "") -> Entry | LeftOut:
    """Make the entry of a scan."""
    return entry_of(scan, entry_id=entry_id, category="1", quality_of=pdq.quality)
