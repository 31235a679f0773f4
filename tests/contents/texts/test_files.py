"""Files that are encoded in texts begin like a known kind."""

import io
import zipfile

import pytest

from tests.corpus import pictures
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.texts.files import files_amid, files_in, is_text, kind_of

PNG = pictures.png(pictures.photograph(1, width=40, height=40))


def zipped() -> bytes:
    """Return an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", b"text")
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        pytest.param(PNG, Kind.PNG, id="picture"),
        pytest.param(zipped(), Kind.ZIP, id="container"),
        pytest.param(b"\xff\x0a\xff\xff\xff", None, id="implausible"),
        pytest.param(b"hello", None, id="text"),
        pytest.param(b"\0\1\0", None, id="bytes"),
    ],
)
def test_only_what_a_scan_looks_into_counts(head: bytes, kind: Kind | None) -> None:
    """Texts are searched, and bytes are nothing."""
    assert kind_of(head) is kind


@pytest.mark.parametrize("data", [PNG, zipped()], ids=["picture", "archive"])
def test_bytes_are_a_file_or_may_hold_one(data: bytes) -> None:
    """A file that begins them is one with its digests."""
    (whole,) = files_in("hex", data)
    (amid,) = files_in("hex", b"\x90" * 9 + data)

    assert (whole.data, whole.is_carved) == (data, False)
    assert data in amid.data
    assert amid.is_carved
    assert all(each.is_carved for each in files_amid("hex", data))


def test_bytes_without_a_beginning_are_nothing() -> None:
    """Most long numbers are checksums and keys."""
    assert list(files_in("hex", bytes(range(128, 256)) * 9)) == []


def test_text_has_no_controls_and_some_length() -> None:
    """Nothing shorter holds a picture."""
    assert is_text(b"a text of this length, in which a picture might be encoded: ...")
    assert not is_text(b"a text")
    assert not is_text(bytes(99))
