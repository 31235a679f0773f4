"""One alphabet's letters are another's junk, and neither reading blames the other."""

import base64
import json

import pytest

from tests.corpus import pictures
from tests.scanners.scans import scanned

IMAGE = pictures.photograph(3, width=96, height=72)
FILES = {
    "jpeg": pictures.jpeg(IMAGE),
    "png": pictures.png(IMAGE),
    "gif": pictures.gif(IMAGE),
    "webp": pictures.encoded(IMAGE, "WEBP"),
}


@pytest.mark.parametrize("name", FILES)
def test_alphabet_for_urls_is_no_broken_standard_alphabet(name: str) -> None:
    """A picture in that alphabet has views, and no reason."""
    text = base64.urlsafe_b64encode(FILES[name]).decode()
    scans = list(scanned(json.dumps({"a": text, "b-c_d": 1}).encode()).walk())

    assert "-" in text
    assert any(scan.views for scan in scans)
    assert not [reason for scan in scans for reason in scan.reasons]


@pytest.mark.parametrize("name", FILES)
def test_signs_of_urls_within_the_standard_alphabet_hide_nothing(name: str) -> None:
    """Decoders of the standard alphabet skip them, between the first letters also."""
    letters = base64.b64encode(FILES[name]).decode()
    text = "-".join(letters[at : at + 3] for at in range(0, len(letters), 3))
    scans = scanned(json.dumps({"a": text}).encode()).walk()

    assert any(scan.views for scan in scans)
