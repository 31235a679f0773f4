"""What PDFium gives becomes values of Python."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.corpus.pdfs import Document, Stream
from uploadfilter.contents.pdf import library
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason


@pytest.mark.parametrize("shape", [(3, 5, 1), (5, 3, 3), (1, 1, 1), (2, 4, 3)])
def test_bitmap_is_the_pixels(shape: tuple[int, ...]) -> None:
    """Of any width, grey or in colours."""
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    with Image.open(io.BytesIO(library.bitmap_file(pixels))) as picture:
        seen = np.asarray(picture)

    assert np.array_equal(seen, np.broadcast_to(pixels, seen.shape)[:, :, ::-1])


@pytest.mark.parametrize("most_held", [0, 1 << 20])
def test_document_opens_from_memory_and_piece_by_piece(most_held: int) -> None:
    """A long document is read as PDFium asks for it."""
    document = Document()
    document.add_page((9, 9))
    source = MemorySource(document.save())
    with library.open_document(source, most_held=most_held) as opened:
        assert not isinstance(opened, Reason)
        with library.page_of(opened, 0) as page:
            assert page
        with library.page_of(opened, 1) as page:
            assert not page


def test_part_of_a_page_is_that_part() -> None:
    """A part is drawn as it is within the whole page."""
    document = Document()
    document.add_page((40, 30)).Contents = Stream(b"1 0 0 rg 10 10 20 10 re f")
    with library.open_document(
        MemorySource(document.save()), most_held=1 << 20
    ) as opened:
        assert not isinstance(opened, Reason)
        with library.page_of(opened, 0) as page:
            whole = library.draw_page(page, None, size=(80, 60))
            part = library.draw_page(page, None, size=(80, 60), part=(10, 15, 50, 40))

    assert whole is not None
    assert part is not None
    assert np.array_equal(part, whole[15:40, 10:50])
