"""The libraries for tests that are not Python packages."""

import os

import pytest

from uploadfilter.contents.archives import library

needs_libarchive = pytest.mark.skipif(
    not library.IS_THERE and os.environ.get("UPLOADFILTER_REQUIRE_PROGRAMS") != "1",
    reason="this machine lacks libarchive",
)
"""Of tests that open an archive; in CI, where nothing may lack, they fail instead."""
