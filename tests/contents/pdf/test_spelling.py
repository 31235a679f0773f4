"""However a document is spelled, its picture is found, or there is a reason."""

import pypdfium2.raw as pdfium
import pytest
from PIL import Image

from tests.contents.pdf.seeing import sight_of
from tests.contents.pdf.spelled import COUNT, PHOTO, START, is_wanted
from tests.contents.pdf.spelling import document
from uploadfilter.contents.pdf import library
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

PARTS = 4


def shown(data: bytes) -> Image.Image | None:
    """Return what PDFium, and so Chromium, shows of the first page."""
    with library.open_document(MemorySource(data), most_held=1 << 30) as opened:
        if isinstance(opened, Reason):
            return None
        with library.form_of(opened) as form, library.page_of(opened, 0) as page:
            width = int(pdfium.FPDF_GetPageWidthF(page)) if page else 0
            height = int(pdfium.FPDF_GetPageHeightF(page)) if page else 0
            if not (width and height):
                return None
            pixels = library.draw_page(page, form, size=(4 * width, 4 * height))
            return None if pixels is None else Image.fromarray(pixels[:, :, ::-1])


@pytest.mark.parametrize("part", range(PARTS))
def test_any_spelling_is_found_or_has_a_reason(part: int) -> None:
    """What PDFium shows never passes unseen without a reason."""
    missed, visible = [], 0
    for seed in range(START + part, START + COUNT, PARTS):
        data = document(seed, PHOTO)
        if is_wanted(shown(data)):
            visible += 1
            sight = sight_of(data, PHOTO)
            if not (sight.is_found or sight.reasons):
                missed.append(seed)

    assert not missed
    assert visible > COUNT // PARTS // 2
