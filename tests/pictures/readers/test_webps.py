"""WebPs of one frame."""

import io

from tests.fuzz import seeds
from tests.pictures.sketches import lacks
from uploadfilter.model import Reason


def test_canvas_of_a_webp_is_limited_before_it_is_allocated() -> None:
    """Its decoder would take eight bytes for each pixel to open it."""
    content = bytearray(seeds.seed("webp/moving"))
    content[24:30] = b"\xff\x3f\0\xff\x3f\0"

    assert lacks(bytes(content)) == [Reason.TOO_MANY_PIXELS]
    assert lacks(io.BytesIO(content).getvalue()) == [Reason.TOO_MANY_PIXELS]
