"""The XMP of a picture is found, and nothing in a picture without it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.carriers.packets import packet_of
from uploadfilter.contents.source import MemorySource

META = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>text</a></x:xmpmeta>"
PACKET = (
    b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><a>text</a><?xpacket end='w'?>"
)


def packet(content: bytes) -> bytes | None:
    """Return the packet in content."""
    found = packet_of(MemorySource(content))
    return None if found is None else found.read(0, found.size)


@pytest.mark.parametrize("text", [META, PACKET])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        pytest.param(0, 0, id="alone"),
        pytest.param(200_000, 2_000_000, id="near the beginning"),
        pytest.param(2_000_000, 9, id="near the end"),
        pytest.param(256 * 1024 - 9, 2_000_000, id="across the edge"),
    ],
)
def test_packet_is_found(text: bytes, before: int, behind: int) -> None:
    """Wherever formats put it."""
    found = packet(bytes(before) + text + bytes(behind))

    if before == 256 * 1024 - 9:
        assert found in {None, packet(text)}
    else:
        assert found is not None
        assert b"<a>text</a>" in found
        assert len(found) <= len(text)


def test_packet_without_end_has_a_usual_length() -> None:
    """It is truncated, or is not a packet."""
    found = packet(META[:40] + b"x" * 500_000)

    assert found is not None
    assert len(found) == 64 * 1024


def test_picture_without_xmp_has_no_packet() -> None:
    """Most pictures have no packet."""
    assert packet(pictures.jpeg(pictures.photograph(1))) is None


@given(content=st.binary(max_size=100))
def test_any_bytes_have_a_packet_or_none(content: bytes) -> None:
    """Nothing is raised, and a found packet stands in the content."""
    found = packet(content + b"adobe:ns:meta/" + content)

    assert found is not None
    assert found in content + b"adobe:ns:meta/" + content


@given(
    parts=st.lists(
        st.sampled_from([META, PACKET, b"<?xpacket", b"adobe:ns:", b"meta/", b"\xff"])
    )
)
def test_packet_begins_where_the_slow_way_finds_it(parts: list[bytes]) -> None:
    """At the first of its words, each searched for separately."""
    content = b"".join(parts)
    words = (b"<?xpacket begin", b"adobe:ns:meta/")
    begins = [content.find(word) for word in words if word in content]
    found = packet(content)

    assert (found is None) is (not begins)
    assert found is None or content[min(begins) :].startswith(found)
