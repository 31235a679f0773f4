"""What 7-Zip opens of the archives that we write by hand, the filter sees.

It stands for the programs on everybody's desk. Debian's lacks what RAR is unpacked
with, and does not know lzip.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hashsets.demo import pictures
from hashsets.demo import tricks_archives as made
from tests.scanners.scans import scanned
from uploadfilter.model import SignalType

pytestmark = pytest.mark.e2e

CONTENT = pictures.encoded(pictures.photograph(3, width=96, height=72), "BMP")
(ITSELF,) = (
    signal.value
    for signal in scanned(CONTENT, digests=True).exact
    if signal.type is SignalType.SHA256
)


@pytest.mark.parametrize(
    ("ending", "make"),
    [
        ("7z", made.seven_zip),
        ("cab", made.cab),
        ("lzh", made.lha),
        ("xar", made.xar),
        ("a", lambda data: made.ar(("a.bmp", data))),
        ("cpio", lambda data: made.cpio(("a.bmp", data))),
        ("rpm", lambda data: made.rpm(("a.bmp", data))),
        ("iso", lambda data: made.iso("A.BMP", data)),
        ("Z", made.compress),
        ("zip", made.zip64_deflated),
    ],
)
def test_what_others_unpack_is_unpacked(
    ending: str, make: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """The bytes that 7-Zip gives are those whose digest is looked up."""
    archive = tmp_path / f"archive.{ending}"
    archive.write_bytes(make(CONTENT))
    command = ["7z", "x", "-so", "-y", str(archive)]
    unpacked = subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    digests = {
        signal.value
        for content in scanned(archive.read_bytes()).walk()
        for signal in content.exact
    }

    assert CONTENT in unpacked.stdout
    assert ITSELF in digests
