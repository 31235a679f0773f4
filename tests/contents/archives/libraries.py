"""The libraries for tests that are not Python packages."""

import os

import pytest

from uploadfilter.contents.archives import library

needs_libarchive = pytest.mark.skipif(
    not library.IS_THERE and os.environ.get("UPLOADFILTER_REQUIRE_PROGRAMS") != "1",
    reason="this machine lacks libarchive",
)
"""The mark of tests that open an archive; in CI they fail if the library is missing."""
