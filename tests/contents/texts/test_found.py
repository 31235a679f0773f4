"""Files that are found in texts begin like a known kind."""

import base64
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.texts.effort import Effort, SpentError
from uploadfilter.contents.texts.found import (
    from_base64,
    in_bytes,
    is_text,
    joined,
    kind_of,
)
from uploadfilter.contents.texts.found import (
    pictures as picture_offsets,
)

PNG = pictures.png(pictures.photograph(1, width=40, height=40))


def plenty() -> Effort:
    """Return more than anything here takes."""
    return Effort(1_000_000)


@given(
    st.lists(st.sampled_from([b"A", b"QUJD", b"=", b"+", b"!", b"\0"])).map(b"".join)
)
def test_whatever_stands_between_letters_is_passed_over(string: bytes) -> None:
    """Padding in the middle, or an additional letter, raises nothing."""
    letters = string.translate(None, b"=!\0")
    whole = len(letters) - (len(letters) % 4 == 1)

    found = from_base64(string)

    assert len(found) <= len(letters) * 3 // 4
    assert b"=" in string or found == base64.b64decode(letters[:whole] + b"==")


def zipped() -> bytes:
    """Return an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", PNG)
    return file.getvalue()


@given(st.binary(max_size=60))
def test_base64_is_decoded_whatever_its_padding(data: bytes) -> None:
    """Letters that are too few for a byte are left out."""
    string = base64.b64encode(data).rstrip(b"=")

    assert from_base64(string) == data
    assert from_base64(joined(b" \n".join((string[:5], string[5:])))) == data


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
    assert is_text(head) is (head == b"hello")


@pytest.mark.parametrize("before", [0, 3, 20_000])
@pytest.mark.parametrize("data", [PNG, zipped()], ids=["picture", "archive"])
def test_what_begins_in_bytes_is_given(data: bytes, before: int) -> None:
    """As the whole content, and carved from junk."""
    found = list(in_bytes("hex", b"\x90" * before + data, plenty()))

    assert data in [each.data for each in found]
    assert [each.is_carved for each in found] == [before > 0] * len(found)


def test_what_stands_in_the_text_as_it_is_is_not_given() -> None:
    """An archive in it is found by others."""
    data = b"\x90" * 9 + b"PK\3\4" + bytes(99)

    assert not list(in_bytes("percent", data, plenty(), beside=b"PK\3\4"))
    assert list(in_bytes("percent", data, plenty(), beside=b""))


def test_flood_of_beginnings_is_not_looked_at() -> None:
    """It takes more than it may, or there are too many."""
    with pytest.raises(SpentError):
        list(picture_offsets(PNG * 100, Effort(100)))
    with pytest.raises(SpentError):
        list(picture_offsets(b"\xff\xd8\xff\xe0" * 30_000, plenty()))
