"""What tests of reports need of the system."""

import os

import pytest

from uploadfilter.errors import UsageError
from uploadfilter.reporting.page.pdfs import weasyprint


@pytest.fixture(scope="session")
def weasyprint_library() -> None:
    """Load WeasyPrint, which needs Pango of the system; in CI it has to be there."""
    try:
        with weasyprint():
            pass
    except UsageError as exc:
        if os.environ.get("UPLOADFILTER_REQUIRE_PROGRAMS") == "1":
            raise
        pytest.skip(str(exc))
