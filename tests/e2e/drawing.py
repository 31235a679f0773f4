"""Let headless Chromium draw many small pictures, and read back what it drew.

One page draws hundreds of files in a second, where a screenshot of each takes a tenth
of one. A canvas has the colours that a screen of sRGB would get.
"""

import base64
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, sync_playwright

from tests.e2e.browser import ARGUMENTS, chromium

Colours = NDArray[np.uint8]
"""A drawing: shape (height, width, 4), red, green, blue and alpha."""

_DRAW = """
async (files) => {
    const drawn = async ([type, text]) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const url = URL.createObjectURL(new Blob([bytes], {type}));
        const image = new Image();
        image.src = url;
        try {
            await image.decode();
            const width = image.naturalWidth, height = image.naturalHeight;
            const canvas = new OffscreenCanvas(width, height);
            const pen = canvas.getContext("2d", {willReadFrequently: true});
            pen.drawImage(image, 0, 0);
            const samples = pen.getImageData(0, 0, width, height).data;
            let binary = "";
            for (const sample of samples) binary += String.fromCharCode(sample);
            return [width, height, btoa(binary)];
        } catch (error) {
            return null;
        } finally {
            URL.revokeObjectURL(url);
        }
    };
    return Promise.all(files.map(drawn));
}
"""


class Drawing:
    """A page of a running Chromium that draws."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def draw(self, files: Sequence[tuple[str, bytes]]) -> list[Colours | None]:
        """Return the drawing of each file.

        Args:
            files: Media type and content of each.

        Returns:
            ``None`` for each that is not shown at all.
        """
        sent = [(kind, base64.b64encode(content).decode()) for kind, content in files]
        return [_colours(answer) for answer in self._page.evaluate(_DRAW, sent)]


def _colours(answer: tuple[int, int, str] | None) -> Colours | None:
    if answer is None:
        return None
    width, height, text = answer
    samples = np.frombuffer(base64.b64decode(text), np.uint8)
    return samples.reshape(height, width, 4)


@contextlib.contextmanager
def drawing(folder: Path) -> Iterator[Drawing]:
    """Run Chromium for the length of the block.

    Args:
        folder: For Chromium's profile.
    """
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=chromium(),
            args=list(ARGUMENTS),
            chromium_sandbox=False,
        )
        with contextlib.closing(context):
            yield Drawing(context.pages[0])
