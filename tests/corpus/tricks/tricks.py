"""List every known way to hide a listed picture, generated from two photographs.

``docs/tricks.md`` is made from this list: how many of each family the filter finds.
``tests/e2e/test_tricks.py`` opens each in Chromium and scans it; it fails if the list
is wrong.

    python -m tests.corpus.tricks.tricks               # write docs/tricks.md anew
    python -m tests.corpus.tricks.tricks --out folder  # keep the files

To add a trick: a function that makes its bytes and a line in the tuple of its family,
in one of the modules ``tricks/*.py``; then the page.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.archives import ARCHIVE_TRICKS
from tests.corpus.tricks.bitmaps import BITMAP_TRICKS
from tests.corpus.tricks.codings import CODING_TRICKS
from tests.corpus.tricks.combined import combined
from tests.corpus.tricks.containers import CONTAINER_TRICKS
from tests.corpus.tricks.edits import BOMB_TRICKS, EDIT_TRICKS
from tests.corpus.tricks.embedded import EMBEDDED_TRICKS, JUNK_TRICKS
from tests.corpus.tricks.formats import DEPTH_TRICKS, FORMAT_TRICKS
from tests.corpus.tricks.frames import FRAMES_TRICKS
from tests.corpus.tricks.joined import JOINED_TRICKS
from tests.corpus.tricks.kinds import KIND_TRICKS
from tests.corpus.tricks.kit import Expected, Family, Trick
from tests.corpus.tricks.metafiles import METAFILE_TRICKS
from tests.corpus.tricks.moving import MOVING_TRICKS
from tests.corpus.tricks.pages import PAGE_TRICKS
from tests.corpus.tricks.papers import PAPER_TRICKS
from tests.corpus.tricks.parts import PART_TRICKS
from tests.corpus.tricks.pieces import PIECES_TRICKS
from tests.corpus.tricks.sheets import SHEET_TRICKS
from tests.corpus.tricks.text import TEXT_TRICKS
from tests.corpus.tricks.truncation import TRUNCATION_TRICKS
from tests.corpus.tricks.views import VIEW_TRICKS

_PLAIN: tuple[Trick, ...] = (
    *FORMAT_TRICKS,
    *BITMAP_TRICKS,
    *DEPTH_TRICKS,
    *VIEW_TRICKS,
    *PART_TRICKS,
    *FRAMES_TRICKS,
    *MOVING_TRICKS,
    *TRUNCATION_TRICKS,
    *EDIT_TRICKS,
    *BOMB_TRICKS,
    *EMBEDDED_TRICKS,
    *METAFILE_TRICKS,
    *JUNK_TRICKS,
    *KIND_TRICKS,
    *CONTAINER_TRICKS,
    *ARCHIVE_TRICKS,
    *JOINED_TRICKS,
    *PAPER_TRICKS,
    *SHEET_TRICKS,
    *PIECES_TRICKS,
    *TEXT_TRICKS,
    *CODING_TRICKS,
    *PAGE_TRICKS,
)

TRICKS: tuple[Trick, ...] = (*_PLAIN, *combined(_PLAIN))

TARGET_SEED, DECOY_SEED, OTHER_SEED = 6001, 6002, 6003

WIDTH, HEIGHT = 640, 480
"""Width and height of the pictures in pixels: large enough for every geometry, small
enough for icons."""


def photograph(seed: int) -> Image.Image:
    """Return the target, the decoy, or another picture that no set lists."""
    return pictures.photograph(seed, width=WIDTH, height=HEIGHT)


PAGE = Path(__file__).parents[3] / "docs" / "tricks.md"

_HEAD = """\
# Tricks

Reference, for everyone: ways to hide a listed picture, the *target*, from a filter:
behind another picture, the *decoy*, in a rare format, in a file inside a file. Each is
generated from two computed photographs (`tests/corpus/tricks/`), opened in headless
Chromium, and scanned by the program with a hash set that lists the target's PDQ and
pHash.

This page is made of the list in the code (`python -m tests.corpus.tricks.tricks`), and
`make e2e` fails where the list is not true. Chromium (version 156) shows *the target*
when a screenshot is within 31 bits of it in PDQ, the usual threshold, upright, turned
or mirrored, on a white or a black page; *most of it* is up to 60 bits.

*Found* gives `MATCH`. *Refused* cannot be seen whole, and does not pass by default
(`INCONCLUSIVE`). [Limits](limits.md#tricks) has those that are *not found*. What each
trick does stands beside its name in the code.
"""

_FAMILIES = """
| family | tricks | found | refused | not found |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """Return the text of ``docs/tricks.md``: how many tricks are found."""
    return f"{_HEAD}{_FAMILIES}{''.join(map(_family_row, Family))}"


def _family_row(family: Family) -> str:
    counts = Counter(it.expected for it in TRICKS if it.family is family)
    each = (Expected.FOUND, Expected.REFUSED, Expected.LIMIT)
    cells = (family, counts.total(), *(counts[it] for it in each))
    return f"| {' | '.join(map(str, cells))} |\n"


def tricks_of_each_kind() -> Iterator[Trick]:
    """Yield the first trick of each type, and of each result in each family."""
    seen: set[object] = set()
    for trick in TRICKS:
        kinds = {
            trick.type,
            (trick.family, trick.expected),
            (trick.family, trick.shown),
        }
        if not kinds <= seen:
            yield trick
        seen |= kinds


def write_files(folder: Path) -> None:
    """Write every trick into a folder, under its name and suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    target, decoy = photograph(TARGET_SEED), photograph(DECOY_SEED)
    for trick in TRICKS:
        path = folder / (trick.name + trick.suffix)
        path.write_bytes(trick.make(target, decoy))


def main() -> None:
    """Parse the command line; write the page, or the files."""
    parser = argparse.ArgumentParser(description="Write docs/tricks.md, or the tricks.")
    parser.add_argument("--out", type=Path, metavar="DIR")
    args = parser.parse_args()
    if args.out is None:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        write_files(args.out)
    print(f"{len(TRICKS)} tricks in {args.out or PAGE}")


if __name__ == "__main__":
    main()
