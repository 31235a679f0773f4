"""Scans of harmless pictures, and entries that list them."""

import functools

from PIL import Image

from tests.corpus import pictures
from tests.pictures.sketches import decoded
from uploadfilter.evidence.background import Background, background_of
from uploadfilter.evidence.cohort import cohort_of
from uploadfilter.knowngood.corpus import read
from uploadfilter.knowngood.store import shipped
from uploadfilter.model import (
    Entry,
    EntrySignal,
    Scan,
    Signal,
    SignalType,
    View,
)
from uploadfilter.signals import views

ORIGINAL = pictures.photograph(1, width=640, height=480)
STRANGER = pictures.photograph(2, width=640, height=480)


@functools.cache
def background() -> Background:
    """Prepare the cohort that comes with the program."""
    path = shipped()
    assert path is not None
    found = background_of(cohort_of([read(path).values]))
    assert found is not None
    return found


def view_of(picture: Image.Image, name: str = "stored") -> View:
    """Return the view of a picture."""
    made = decoded(pictures.jpeg(picture))
    return views.view_of(made, name=name, types=frozenset({SignalType.PDQ}))


def seen(*found: View, path: str = "0") -> Scan:
    """Return the scan of a content with these views."""
    return Scan(path=path, kind="jpeg", size=1, views=found)


def value_of(picture: Image.Image) -> bytes:
    """Return PDQ of a picture, upright."""
    value = view_of(picture).value(SignalType.PDQ)
    assert value is not None
    return value


def listed(name: str, value: bytes, *, quality: int | None = None) -> Entry:
    """List a picture by PDQ alone."""
    signal = Signal(type=SignalType.PDQ, value=value)
    return Entry(
        id=name, category="a", signals=(EntrySignal(signal=signal, quality=quality),)
    )


def cropped(picture: Image.Image) -> Image.Image:
    """Cut 5 % off each side."""
    width, height = picture.size
    return picture.crop(
        (width // 20, height // 20, width - width // 20, height - height // 20)
    )
