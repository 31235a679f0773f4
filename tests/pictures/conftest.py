"""Set Pillow up as in a scanner process, for every test of this room."""

from collections.abc import Iterator

import pytest
from PIL import Image

from uploadfilter.pictures import decoding


@pytest.fixture(autouse=True)
def prepared() -> Iterator[None]:
    """Prepare the process as a scanner does, and undo it for the other rooms."""
    before = Image.MAX_IMAGE_PIXELS
    decoding.prepare_process()
    yield
    Image.MAX_IMAGE_PIXELS = before
