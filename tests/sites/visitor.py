"""A visitor of a site with headless Chromium."""

import contextlib
import tempfile
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

from tests.e2e.browser import ARGUMENTS, chromium

WAIT_MS = 60_000
"""Milliseconds that a page may take to show something, on a busy machine too."""


@contextlib.contextmanager
def visitor() -> Iterator[Page]:
    """Open Chromium with a separate profile for the length of the block."""
    with (
        tempfile.TemporaryDirectory() as profile,
        sync_playwright() as playwright,
        contextlib.closing(
            playwright.chromium.launch_persistent_context(
                profile,
                executable_path=chromium(),
                args=list(ARGUMENTS),
                chromium_sandbox=False,
                viewport={"width": 1200, "height": 900},
            )
        ) as context,
    ):
        context.set_default_timeout(WAIT_MS)
        yield context.pages[0]
