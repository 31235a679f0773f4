"""Scan one picture of each kind in the sandbox, as the service would.

Each file shows the same harmless picture, and must give the same signals as the PNG
does, up to what a lossy format changes.
"""

import os
from collections.abc import Callable
from typing import Final

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.doctor.results import Area, Diagnosis, failure, success, warning
from uploadfilter.errors import ScannerError
from uploadfilter.model import Scan, SignalType
from uploadfilter.pictures.samples import writers
from uploadfilter.scanners.filescanning import FileScanner
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings

_SAME_BITS: Final = 31
"""Most bits of PDQ that may differ: the threshold of its reference implementation."""


async def examine_scanners(settings: ScannerSettings) -> list[Diagnosis]:
    """Scan the drawing as each kind, in processes that are confined like the service's.

    Returns:
        One result if all kinds were scanned well; otherwise one for each that was not.
    """
    found: list[Diagnosis] = []
    made = writers(settings.formats)
    try:
        async with ScannerPool.open(settings) as pool:
            types = frozenset({SignalType.PDQ})
            scanner = FileScanner(pool, types=types, workers=1)
            wanted = _pdq_of(await _scan(scanner, Kind.PNG, made[Kind.PNG]()))
            for kind, write in made.items():
                found += await _examine_kind(scanner, kind, write, wanted)
    except ScannerError as exc:
        return [failure(Area.SCANNERS, str(exc), exc.hint or _SEE_LOG)]
    kinds = ", ".join(made)
    read = [success(Area.SCANNERS, f"they read {kinds} in the sandbox")]
    return [*(found or read), *([] if Kind.VIDEO in made else [_NO_VIDEOS])]


_SEE_LOG: Final = (
    "See scanner_start_failed in the operational log; usual causes are too little "
    "memory and a limit on processes."
)
_SEE_PACKAGE: Final = (
    "Uploads of this kind are not compared: install uploadfilter anew, with the "
    "versions of its lock file, or report this as a bug."
)


_NO_VIDEOS: Final = warning(
    Area.SCANNERS,
    "videos are not inspected, because PyAV cannot be loaded",
    "If users upload videos: pip install 'uploadfilter[video]', and restart. See "
    "'Videos' in docs/operating/install.md.",
)


async def _examine_kind(
    scanner: FileScanner, kind: Kind, write: Callable[[], bytes], wanted: set[bytes]
) -> list[Diagnosis]:
    try:
        data = write()
    except (OSError, RuntimeError, ValueError) as exc:
        text = f"no {kind} could be written to try: {exc}"
        return [warning(Area.SCANNERS, text, "Its library cannot write it here.")]
    scan = await _scan(scanner, kind, data)
    reasons = sorted({str(it) for part in scan.walk() for it in part.reasons})
    if reasons:
        text = f"a harmless {kind} was not read: {', '.join(reasons)}"
        return [failure(Area.SCANNERS, text, _SEE_PACKAGE)]
    if not any(_is_near(a, b) for a in _pdq_of(scan) for b in wanted):
        text = f"a harmless {kind} gives other signals than the same picture as PNG"
        return [failure(Area.SCANNERS, text, _SEE_PACKAGE)]
    return []


async def _scan(scanner: FileScanner, kind: Kind, data: bytes) -> Scan:
    file = os.memfd_create(f"sample.{kind}", os.MFD_CLOEXEC)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        out.flush()
        return await scanner.scan(f"/proc/self/fd/{out.fileno()}")


def _pdq_of(scan: Scan) -> set[bytes]:
    """Return the upright PDQ of each view, of nested contents as well."""
    return {
        view.signals[0].signal.value
        for part in scan.walk()
        for view in part.views
        if view.signals
    }


def _is_near(one: bytes, other: bytes) -> bool:
    differing = int.from_bytes(one) ^ int.from_bytes(other)
    return differing.bit_count() <= _SAME_BITS
