"""The filter sees every hand-written archive that 7-Zip opens.

It stands for the programs on everybody's desk. Debian's lacks what RAR is unpacked
with, and does not know lzip.
"""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import pictures
from tests.corpus.tricks import archives as made
from tests.corpus.tricks import joined
from tests.scanners.scans import scanned
from uploadfilter.model import SignalType

pytestmark = pytest.mark.e2e

PHOTO = pictures.jpeg(pictures.photograph(4, width=96, height=72))
CONTENT = pictures.encoded(pictures.photograph(3, width=96, height=72), "BMP")
(ITSELF,) = (
    signal.value
    for signal in scanned(CONTENT, digests=True).exact
    if signal.type is SignalType.SHA256
)


def unpacked(*command: str) -> bytes:
    """Return what a program writes."""
    return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603


def digests(content: bytes) -> set[bytes]:
    """Return the digests of all that is in a content."""
    scans = scanned(content, digests=True).walk()
    return {signal.value for scan in scans for signal in scan.exact}


def has_content(content: bytes) -> bool:
    """Say whether the very content is found in another one."""
    return ITSELF in digests(content)


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
        ("jpg", lambda data: PHOTO + made.seven_zip(data)),
        ("iso", lambda data: joined.two_trees(("A", b"a"), ("a.bmp", data))),
    ],
)
def test_what_others_unpack_is_unpacked(
    ending: str, make: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """The bytes that 7-Zip gives are those whose digest is looked up."""
    archive = tmp_path / f"archive.{ending}"
    archive.write_bytes(make(CONTENT))

    assert CONTENT in unpacked("7z", "x", "-so", "-y", str(archive))
    assert has_content(archive.read_bytes())


def test_what_tar_fills_is_filled(tmp_path: Path) -> None:
    """A file with holes is what GNU tar unpacks, whichever way it writes the map."""
    file = tmp_path / "a"
    with file.open("wb") as out:
        out.write(CONTENT[:54])
        out.seek(1 << 16)
        out.write(CONTENT[54:])
    whole = file.read_bytes()
    for form in (
        "--format=gnu",
        *(f"--sparse-version={v}" for v in ("0.0", "0.1", "1.0")),
    ):
        archive = tmp_path / "a.tar"
        pack = ("tar", "-S", "-C", str(tmp_path), "-cf", str(archive))
        pax = () if "=gnu" in form else ("--format=pax",)
        unpacked(*pack, *pax, form, "a")

        assert unpacked("tar", "-xOf", str(archive)) == whole
        assert hashlib.sha256(whole).digest() in digests(archive.read_bytes())


def test_member_that_is_called_like_a_folder_is_unpacked(tmp_path: Path) -> None:
    """Info-ZIP relies on the length of the packed data."""
    archive = tmp_path / "a.zip"
    archive.write_bytes(joined.zip_folder(CONTENT))

    assert unpacked("unzip", "-p", str(archive)) == CONTENT
    assert has_content(archive.read_bytes())
