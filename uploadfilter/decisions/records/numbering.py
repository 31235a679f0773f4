"""Number the contents of an upload, without the names in their scans."""

import re
from collections.abc import Iterator, Sequence

from uploadfilter.model import NESTED, Scan

_CARVED = re.compile(r"(?:embedded|thumb):[0-9]{1,6}", re.ASCII)
"""The scanner's names for carved pictures, which have no digests."""


def numbered(scans: Sequence[Scan], prefix: str = "") -> Iterator[tuple[str, Scan]]:
    """Yield every scan with its number, containers before their members."""
    for number, scan in enumerate(scans):
        name = scan.path.rpartition(NESTED)[2]
        is_carved = bool(prefix) and not scan.exact and _CARVED.fullmatch(name)
        path = f"{prefix}{name if is_carved else number}"
        yield path, scan
        yield from numbered(scan.contents, f"{path}{NESTED}")
