"""Which spellings of a document are tried, and what a reader has to show."""

import os

import numpy as np
from PIL import Image

from tests.contents.pdf.seeing import THRESHOLD, pdq_of
from tests.corpus.pictures import photograph

PHOTO = photograph(1, width=128, height=96)
START = int(os.environ.get("SPELLING_START", "0"))
COUNT = int(os.environ.get("SPELLINGS", "60"))


def is_wanted(seen: Image.Image | None) -> bool:
    """Return whether a drawing shows the picture, in any quarter turn."""
    if seen is None:
        return False
    turns = (Image.fromarray(np.rot90(np.asarray(seen), turn)) for turn in range(4))
    wanted = pdq_of(PHOTO)
    return any((pdq_of(each) ^ wanted).bit_count() <= THRESHOLD for each in turns)
