"""The registry has a reader for each container that is read, and for nothing else."""

import gzip
import io
import lzma
import subprocess
import sys
import zipfile

import brotli
import pytest

from tests.conformance.containers import contents_of
from tests.corpus.pdfs import Document
from uploadfilter.contents.containers import (
    CONTAINERS,
    claimed_by,
    container_for,
    hidden_in,
)
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind, sniff
from uploadfilter.contents.scandata import outside_pixels
from uploadfilter.contents.source import MemorySource

TEXT = b"twenty-one sheep"


def document(content: bytes = b"") -> bytes:
    """Make a document of one page."""
    made = Document()
    made.add_page((99, 99), content)
    return made.save()


def zipped() -> bytes:
    """Make a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", TEXT)
    return file.getvalue()


def test_kinds_are_read_by_one_container_each() -> None:
    """No two lines of the registry claim the same kind."""
    kinds = [kind for each in CONTAINERS for kind in each.kinds]

    assert len(kinds) == len(set(kinds))
    assert set(kinds) <= magic.CONTAINERS


@pytest.mark.parametrize("kind", [Kind.ARCHIVE, Kind.GIT, Kind.JPEG])
def test_other_kinds_have_no_reader(kind: Kind) -> None:
    """A kind that is not read here has no container."""
    assert container_for(kind) is None


@pytest.mark.parametrize(
    ("claim", "file"),
    [
        ("photo.jpg.BR", brotli.compress(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("application/x-brotli; q=1", brotli.compress(TEXT)),
        ("a/b.lzma", lzma.compress(TEXT, format=lzma.FORMAT_ALONE)),
        ("application/x-lzma", lzma.compress(TEXT, format=lzma.FORMAT_ALONE)),
    ],
)
def test_codings_without_magic_are_read_where_they_are_claimed(
    claim: str, file: bytes
) -> None:
    """A name or a declared type decides where the bytes do not."""
    container = claimed_by(claim)
    assert container is not None

    assert contents_of(container, file) == [("", TEXT, None)]


@pytest.mark.parametrize(
    "claim", ["", "br.jpg", "image/jpeg", ".", "lzma/x", "a.gz", "0!/br"]
)
def test_other_claims_are_nothing(claim: str) -> None:
    """A name that ends in nothing known opens nothing."""
    assert claimed_by(claim) is None


PICTURE = b"\xff\xd8\xff\xe0" + bytes(600)


def picture_tar() -> bytes:
    """Make a tar file whose first name begins like a JPEG."""
    block = PICTURE[:4].ljust(124, b"\0") + b"%011o\0" % len(TEXT) + bytes(12)
    block += b" " * 8 + bytes(356)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:] + TEXT


@pytest.mark.parametrize(
    ("file", "found"),
    [
        pytest.param(PICTURE, [], id="nothing"),
        pytest.param(PICTURE + zipped(), [[("a", TEXT, None)]], id="zip-after-picture"),
        pytest.param(zipped(), [], id="zip"),
        pytest.param(
            picture_tar(),
            [[(PICTURE[:4].decode("utf-8", "replace"), TEXT, None)]],
            id="tar-with-a-picture's-name",
        ),
        pytest.param(
            PICTURE[:99] + document(), [[]], id="document-within-the-first-bytes"
        ),
        pytest.param(document(), [], id="document"),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_contents_that_are_two_things_are_told(
    file: bytes, found: list[list[tuple[str, bytes, None]]]
) -> None:
    """Readers that ignore the first bytes get the members that they would see."""
    source = MemorySource(file)
    kind = sniff(file[: magic.HEAD_BYTES])
    hidden = hidden_in(source, kind, outside_pixels(source))

    assert [contents_of(container, file) for container in hidden] == found


IMPORTS_AFTERWARDS = """
import sys
from uploadfilter.contents import containers
from uploadfilter.contents.members import UnpackLimits, UnpackMeter
from uploadfilter.contents.scandata import outside_pixels
from uploadfilter.contents.source import MemorySource
containers.prepare()
known = set(sys.modules)
for line in sys.stdin:
    file = bytes.fromhex(line)
    for container in containers.CONTAINERS:
        for item in container.members(MemorySource(file), UnpackMeter(UnpackLimits())):
            list(getattr(item, "content", None) or ()) if hasattr(
                getattr(item, "content", None), "__next__"
            ) else None
print(sorted(set(sys.modules) - known))
"""


def test_nothing_is_imported_once_a_process_is_prepared() -> None:
    """A confined process can open no file, so every library must be there."""
    files = [zipped(), gzip.compress(TEXT), document(content=b"q Q"), picture_tar()]
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", IMPORTS_AFTERWARDS],
        input="\n".join(file.hex() for file in files),
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "[]\n"
