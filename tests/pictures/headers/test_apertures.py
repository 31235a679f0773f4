"""A clean aperture shows a part of a picture: of a HEIC both, of an AVIF a lack."""

from tests.corpus import pictures
from tests.corpus.tricks import parts as tricks_parts
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.headers import apertures

PHOTO = photograph(21, 96, 64)


def test_avif_with_an_aperture_is_shown_whole_and_has_a_lack() -> None:
    """Some programs show a part of it only, and no camera writes one."""
    box = tricks_parts.clean_aperture((48, 40), PHOTO.size, at=(8, 8))
    plain = pictures.encoded(PHOTO, "AVIF", speed=9)
    data = tricks_parts.with_properties(plain, box)

    assert lacks(plain) == []
    assert lacks(data) == [Reason.UNDECODABLE]
    assert [frame.full for frame in frames(data)] == [PHOTO.size]


def test_without_apertures_a_heic_is_whole() -> None:
    """The library that heeds them shows all, at the same length of the file."""
    box = tricks_parts.clean_aperture((32, 32), (96, 64))
    data = b"before" + box + b"after" + box + box[:20]

    whole = apertures.without_apertures(data)

    assert len(whole) == len(data)
    assert not apertures.has_aperture(whole)
