"""Write a report as PDF, with its page attached, and read that page back.

WeasyPrint lays the page out, and is an extra of the package: a server needs none of it.
The same page gives the same bytes with the same version and fonts.
"""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pypdfium2

from uploadfilter.errors import UsageError
from uploadfilter.extras import load_extra

ATTACHED: Final = "report.html"
"""Name of the page inside of the PDF."""

_MOST_BYTES: Final = 256 * 1024 * 1024
"""Most bytes of an attached page, so that a small file cannot fill the memory."""


_NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for the time of the attached file: the same page is the same PDF."""


@contextmanager
def weasyprint() -> Iterator[Any]:
    """Load WeasyPrint for a block, and undo then what it does to Pillow.

    It has Pillow take a picture that breaks off for a whole one, in all code of the
    process. A truncated picture must never pass for one that was seen whole.

    Raises:
        UsageError: It cannot be loaded.
    """
    try:
        yield load_extra(
            "weasyprint",
            purpose="PDF",
            extra="report",
            error=UsageError,
            also="It also needs Pango, in Debian: apt install libpango-1.0-0 "
            "libpangoft2-1.0-0. Or print the page with a browser.",
        )[0]
    finally:
        pillow = sys.modules.get("PIL.ImageFile")
        if pillow is not None:  # This floor itself loads no decoder.
            vars(pillow)["LOAD_TRUNCATED_IMAGES"] = False


def pdf_of(page: str) -> bytes:
    """Return a page as PDF.

    Raises:
        UsageError: WeasyPrint is not installed.
    """
    with weasyprint() as library:
        return _drawn(library, page)


def _drawn(library: Any, page: str) -> bytes:  # noqa: ANN401 - a module without types
    data = page.encode()
    attachment = library.Attachment(
        string=data,
        name=ATTACHED,
        description="uploadfilter report",
        created=_NO_TIME,
        modified=_NO_TIME,
    )
    # The page needs nothing, so nothing is loaded, whatever a title makes it ask for.
    nothing = library.URLFetcher(allowed_protocols=())
    drawn: bytes = library.HTML(string=page, url_fetcher=nothing).write_pdf(
        attachments=[attachment],
        pdf_identifier=hashlib.sha256(data).digest()[:16],
        pdf_variant="pdf/ua-1",
    )
    return drawn


def page_in(data: bytes) -> bytes:
    """Return the page that is attached to a PDF.

    Raises:
        ValueError: The file is no PDF with a report.
    """
    try:
        with pypdfium2.PdfDocument(data) as pdf:
            each = map(pdf.get_attachment, range(pdf.count_attachments()))
            found = next(
                bytes(file.get_data()) for file in each if file.get_name() == ATTACHED
            )
    except (pypdfium2.PdfiumError, StopIteration) as exc:
        raise ValueError("the PDF has no report attached") from exc
    if len(found) > _MOST_BYTES:
        raise ValueError("the attached report is too large")
    return found
