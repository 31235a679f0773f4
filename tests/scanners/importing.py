"""A program that scans files like a scanner, and prints its imports meanwhile.

A module must be imported, and a codec loaded, before a scanner is confined: later it
cannot open the file. The tests run this in a new interpreter, since in their own
nearly everything is imported already::

    python -m tests.scanners.importing FOLDER
"""

import sys
from pathlib import Path

from tests.scanners.scans import parts_of
from uploadfilter.model import PERCEPTUAL_TYPES
from uploadfilter.pictures.formats import SWITCHED_ON
from uploadfilter.scanners.inside.scanning import prepare
from uploadfilter.scanners.inside.worker import warm
from uploadfilter.scanners.wire.budgets import Budgets


def main(folder: Path) -> None:
    """Scan the files of a folder, and print each late import with the file's name."""
    contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    late: list[object] = []

    def note(event: str, details: tuple[object, ...]) -> None:
        if event == "import":
            late.append(details[0])

    prepare()
    warm()
    sys.addaudithook(note)
    for name, content in contents.items():
        parts_of(
            content,
            types=frozenset(PERCEPTUAL_TYPES),
            formats=SWITCHED_ON,
            cpu_s=Budgets().content_cpu_s,
        )
        if late:
            sys.stdout.write(f"{name}: {late}\n")
        late.clear()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
