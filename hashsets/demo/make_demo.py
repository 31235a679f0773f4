"""Make the demo hash set from generated pictures.

    python -m hashsets.demo.make_demo
    python -m hashsets.demo.make_demo --out set.jsonl --pictures folder

The first writes ``hashsets/demo/demo.jsonl``; the second also keeps the pictures. One
line of JSON for each picture, in the short form of ``hashsets/FORMAT.md``. The pictures
are harmless: they are computed from the seeds below. The same versions of numpy and
Pillow give the same file; others may change a few bits, and with them the exact
signals. So make the set again if those must fit, as ``make run`` does.
"""

import argparse
import io
import json
from pathlib import Path

from tests.corpus import pictures
from uploadfilter.model import SignalType, View
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.showing import showings
from uploadfilter.signals import pdq
from uploadfilter.signals.exact import Digests
from uploadfilter.signals.views import view_of

DEMO_FILE = Path(__file__).with_name("demo.jsonl")

SEEDS = range(1001, 1017)
"""The listed pictures: enough for a table, few enough to be made in two seconds."""

CATEGORIES = ("demo", "demo", "demo", "demo-other")
"""The categories of the entries, in turn. ``make run`` imports only ``demo``: an import
names its categories, and entries of another one must not be imported."""


def listed_file(seed: int) -> bytes:
    """Return a listed picture as the file that was hashed."""
    return pictures.jpeg(pictures.photograph(seed))


def entry_of(file: bytes, *, entry_id: str, category: str) -> dict[str, object]:
    """Return one line of the hash set, in the short form.

    Args:
        file: A picture that decodes completely.
        entry_id: Id of the entry.
        category: Category of the entry.

    Returns:
        The fields of the line, in order.
    """
    digests = Digests()
    digests.update(file)
    frame = next(frames_of(io.BytesIO(file), formats=FORMATS, limits=DecodeLimits()))
    if not isinstance(frame, Frame):
        raise TypeError(f"a generated picture does not decode: {frame.reason}")
    view = view_of(next(showings(frame)).picture, name="stored")
    exact = {signal.type.value: signal.value.hex() for signal in digests.signals()}
    return {
        "id": entry_id,
        "category": category,
        **exact,
        "pdq": _hex(view, SignalType.PDQ),
        "pdq_quality": pdq.quality(view.plane),
        "phash": _hex(view, SignalType.PHASH),
    }


def _hex(view: View, signal_type: SignalType) -> str:
    """Return the first value of a type, lower case."""
    value = view.value(signal_type)
    if value is None:
        raise TypeError(f"the view has no {signal_type} signal")
    return value.hex()


def write_demo(out: Path, *, folder: Path | None = None) -> int:
    """Write the demo hash set.

    Args:
        out: File to write.
        folder: The folder for the pictures; ``None`` to keep none.

    Returns:
        Number of entries.
    """
    lines = []
    for number, seed in enumerate(SEEDS):
        file = listed_file(seed)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"demo-{seed}.jpg").write_bytes(file)
        category = CATEGORIES[number % len(CATEGORIES)]
        entry = entry_of(file, entry_id=f"demo-{seed}", category=category)
        lines.append(json.dumps(entry, separators=(",", ":")) + "\n")
    out.write_text("".join(lines), encoding="ascii")
    return len(lines)


def main() -> None:
    """Parse the command line and write the set."""
    parser = argparse.ArgumentParser(description="Make the demo hash set.")
    parser.add_argument("--out", type=Path, default=DEMO_FILE, metavar="FILE")
    parser.add_argument("--pictures", type=Path, metavar="DIR")
    args = parser.parse_args()
    print(f"{write_demo(args.out, folder=args.pictures)} entries in {args.out}")


if __name__ == "__main__":
    main()
