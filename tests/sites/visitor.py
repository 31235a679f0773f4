"""A visitor of a site with headless Chromium."""

import contextlib
import tempfile
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

from tests.e2e.browser import ARGUMENTS, CHROMIUM
from tests.sites.programs import missing

WAIT_MS = 60_000
"""Milliseconds that a page may take to show something, on a busy machine too."""


@contextlib.contextmanager
def visitor() -> Iterator[Page]:
    """Open Chromium for the length of the block, with a profile of its own."""
    executable = CHROMIUM or missing("chromium", cure="apt: chromium")
    with (
        tempfile.TemporaryDirectory() as profile,
        sync_playwright() as playwright,
        contextlib.closing(
            playwright.chromium.launch_persistent_context(
                profile,
                executable_path=executable,
                args=list(ARGUMENTS),
                chromium_sandbox=False,
                viewport={"width": 1200, "height": 900},
            )
        ) as context,
    ):
        context.set_default_timeout(WAIT_MS)
        yield context.pages[0]
