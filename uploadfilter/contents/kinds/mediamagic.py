"""Test the first bytes of videos and sounds that no other module tells.

Each function takes the first bytes of a content. ``magic.py`` calls them and names the
kinds. Nothing is decoded: these kinds matter to a route that says what it takes.
"""

import re
from typing import Final

_THIRD_OF_MPEG: Final = re.escape(
    bytes(byte for byte in range(0x10, 0xF0) if byte & 0x0C != 0x0C)  # noqa: PLR2004
)
"""The third byte of a frame: a bit rate that is stated, and a sample rate."""

_SOUND: Final = re.compile(
    rb"ID3[\x02-\x04]|fLaC\0|OggS\0|RIFF.{4}WAVE|FORM.{4}AIF[CF]|\#!AMR|MThd\0\0\0\x06"
    rb"|\.snd\0\0"
    # A frame of MPEG layer II or III, then one of AAC (ADTS).
    rb"|\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][%b]|\xff[\xf0\xf1\xf8\xf9][\x40-\x73]"
    % _THIRD_OF_MPEG,
    re.DOTALL,
)
_PICTURES_OF_OGG: Final = re.compile(rb"\x80theora|BBCD\0|\x01video\0")
_VIDEO: Final = re.compile(
    rb"OggS\0|FLV\x01|\0\0\x01[\xba\xb3]|0&\xb2\x75\x8e\x66\xcf\x11|\.RMF\0"
    # The first box of a QuickTime file without a brand.
    rb"|[\0-\x08].{3}(?:moov|mdat|wide|free|skip|pnot)"
    # Packets of 188 bytes, or of 192 on discs.
    rb"|G[\0\x1f@].{186}G.{187}G|.{4}G[\0\x1f@].{190}G.{191}G",
    re.DOTALL,
)
_SOUND_BRANDS: Final = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
_MATROSKA: Final = b"\x1a\x45\xdf\xa3"


def is_sound(head: bytes) -> bool:
    """Require the magic of a sound, and of Ogg that no video begins in it."""
    return bool(_SOUND.match(head)) and not _PICTURES_OF_OGG.search(head)


def is_video(head: bytes) -> bool:
    """Require the magic of a video; of what is not a sound."""
    return bool(_VIDEO.match(head))


def is_only_sound(head: bytes) -> bool:
    """Return whether a container of videos says at once that it holds only sound.

    Browsers record voices as WebM without a video.
    """
    if head.startswith(_MATROSKA):
        return b"A_" in head and b"V_" not in head
    return head[4:8] == b"ftyp" and head[8:12] in _SOUND_BRANDS
