"""Videos and sounds by their first bytes."""

import pytest

from tests.contents.kinds.samples import iso_media
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.proposals import kind_of
from uploadfilter.contents.source import MemorySource

MEDIA = [
    (b"\x1a\x45\xdf\xa3webm\x86\x86A_OPUS", Kind.SOUND),
    (b"\x1a\x45\xdf\xa3webm\x86\x85V_VP8\x86\x86A_OPUS", Kind.VIDEO),
    (iso_media(b"M4A ", b"isom"), Kind.SOUND),
    (iso_media(b"M4A ", b"avif"), Kind.AVIF),
    (b"\0\0\0\x08wide\0\0\1\0mdat", Kind.VIDEO),
    (b"FLV\1\5\0\0\0\x09", Kind.VIDEO),
    (b"\0\0\1\xba\x44", Kind.VIDEO),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", Kind.VIDEO),
    ((b"G@\0\x10".ljust(188, b"\xff")) * 3, Kind.VIDEO),
    (b"OggS\0\2" + bytes(20) + b"\x80theora", Kind.VIDEO),
    (b"OggS\0\2" + bytes(20) + b"OpusHead", Kind.SOUND),
    (b"RIFF\x24\x08\0\0WAVEfmt ", Kind.SOUND),
    (b"ID3\3\0\0\0\0\0\0", Kind.SOUND),
    (b"fLaC\0\0\0\x22", Kind.SOUND),
    (b"\xff\xfb\x90\x64\0", Kind.SOUND),
    (b"\xff\xf1\x50\x80", Kind.SOUND),
    (b"#!AMR\n", Kind.SOUND),
    (b"MThd\0\0\0\6\0\1", Kind.SOUND),
    (b"The free software", Kind.TEXT),
    (b"ID3 tags hold the names of songs", Kind.TEXT),
]


@pytest.mark.parametrize(("head", "kind"), MEDIA, ids=lambda item: str(item)[:24])
def test_media_are_known_and_texts_are_none(head: bytes, kind: Kind) -> None:
    """A container that says at once that it holds only sound is a sound."""
    assert kind_of(MemorySource(head)) is kind


def test_brand_of_a_picture_behind_many_others_counts() -> None:
    """A file that begins as a sound may be a picture to readers of all brands."""
    assert (
        kind_of(MemorySource(iso_media(b"M4A ", *[b"isom"] * 400, b"avif")))
        is Kind.AVIF
    )
