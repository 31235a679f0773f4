"""A report as PDF."""

import pypdfium2
import pytest
from PIL import ImageFile

from uploadfilter.reporting.page.pdfs import page_in, pdf_of

PAGE = (
    '<!DOCTYPE html><html lang="nl"><head><title>Verslag</title></head>'
    "<body><h1>Treffers</h1><p>42</p></body></html>"
)


@pytest.mark.usefixtures("weasyprint_library")
def test_pdf_holds_its_page_and_is_the_same_each_time() -> None:
    """The page can be read back, and the same page gives the same bytes."""
    drawn = pdf_of(PAGE)

    assert page_in(drawn) == PAGE.encode()
    assert pdf_of(PAGE) == drawn


@pytest.mark.usefixtures("weasyprint_library")
def test_pdf_can_be_read_aloud() -> None:
    """It is tagged, and says its language and title, as PDF/UA asks."""
    with pypdfium2.PdfDocument(pdf_of(PAGE)) as pdf:
        assert pypdfium2.raw.FPDFCatalog_IsTagged(pdf)
        assert pdf.get_metadata_value("Title") == "Verslag"


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"%PDF-1.7\n%%EOF"])
def test_other_file_has_no_page(data: bytes) -> None:
    """A file that is no PDF with a report is told from one."""
    with pytest.raises(ValueError, match="no report attached"):
        page_in(data)


@pytest.mark.usefixtures("weasyprint_library")
def test_page_loads_nothing_into_the_pdf() -> None:
    """Nothing outside of the page can get into the PDF."""
    stranger = '<link rel="attachment" href="file:///etc/hostname"></head>'
    page = PAGE.replace("</head>", stranger)

    with pypdfium2.PdfDocument(pdf_of(page)) as pdf:
        assert pdf.count_attachments() == 1
        assert pdf.get_attachment(0).get_name() == "report.html"


@pytest.mark.usefixtures("weasyprint_library")
def test_truncated_pictures_stay_truncated_afterwards() -> None:
    """WeasyPrint switches that off for the whole process when it is loaded."""
    pdf_of("<!doctype html><html lang=en><title>a</title><p>b")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
