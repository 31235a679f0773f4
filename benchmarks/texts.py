"""How many MB of text a second are searched for encoded contents?

Texts of each usual kind are generated. A figure is the CPU time of one process; the
texts of a kind are searched one by one, like the members of an archive. Compare two
versions in one run on one machine.
"""

import base64
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.harness import Options, Report, cpu_ms
from uploadfilter.contents.kinds.magic import HEAD_BYTES, sniff
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.search import find_files

SEED = 34
BYTES = 4_000_000
QUICK_BYTES = 200_000
MOST_FOUND = 5000
HELD_BYTES = 128 << 20

_WORDS = (
    *("the", "of", "and", "to", "in", "is", "that", "for", "it", "as"),
    *("was", "with", "be", "by", "on", "not", "he", "his"),
)


def _prose(rng: random.Random) -> str:
    return " ".join(rng.choices(_WORDS, k=12)) + ".\n"


def _program(rng: random.Random) -> str:
    name = "_".join(rng.choices(_WORDS, k=3))
    return f'def {name}(self, value=None):\n    return self.{name}("%s\\n" % value)\n'


def _script(rng: random.Random) -> str:
    one, two, three = rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGH", k=3)
    return f'function {one}({two},{three}){{return {two}&&{three}.{one}?"":null}};'


def _notebook(rng: random.Random) -> str:
    return json.dumps({"cell_type": "code", "source": [_program(rng), _prose(rng)]})


def _table(rng: random.Random) -> str:
    return f"{rng.randrange(10**6)},{rng.random():.6f},{rng.choice(_WORDS)}\n"


_INSERT = "INSERT INTO `t` VALUES"


def _dump(rng: random.Random) -> str:
    values = f"({rng.randrange(10**6)},'{_prose(rng).strip()}')"
    return f"{_INSERT} {values};\n"


def _source_map(rng: random.Random) -> str:
    letters = "AAAACCEGIKMQSUWYacegikmoqsuwy02468"
    return "".join(rng.choices(letters, k=4)) + rng.choice(",,,;")


def _checksums(rng: random.Random) -> str:
    return f"{rng.randbytes(32).hex()}  {rng.choice(_WORDS)}.txt\n"


def _words(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghilmnoprstu", k=rng.randrange(3, 12))) + "\n"


def _picture(rng: random.Random) -> str:
    data = base64.b64encode(rng.randbytes(6000)).decode()
    return json.dumps({"data": {"image/png": data}})


_KINDS: dict[str, tuple[Callable[[random.Random], str], int]] = {
    "prose": (_prose, 1_000_000),
    "program": (_program, 3000),
    "script": (_script, 1_000_000),
    "notebook": (_notebook, 100_000),
    "notebook with base64": (_picture, 100_000),
    "CSV": (_table, 1_000_000),
    "SQL dump": (_dump, 1_000_000),
    "source map": (_source_map, 1_000_000),
    "checksums": (_checksums, 100_000),
    "word list": (_words, 1_000_000),
}
"""The function that makes a line of each kind, and the bytes of one text."""


def measure(options: Options, _folder: Path) -> Report:
    """Search the texts of each kind."""
    size = QUICK_BYTES if options.quick else BYTES
    rows = [
        _searched(kind, _generated(line, min(length, size), size))
        for kind, (line, length) in _KINDS.items()
    ]
    return Report(rows=rows)


def _generated(
    line: Callable[[random.Random], str], length: int, size: int
) -> list[bytes]:
    """Return texts of one kind, with the given bytes each and in all."""
    rng = random.Random(SEED)  # noqa: S311  # the same texts every time
    texts = list[bytes]()
    for _ in range(size // length):
        parts = list[str]()
        count = 0
        while count < length:
            text = line(rng)
            parts.append(text)
            count += len(text)
        texts.append("".join(parts).encode())
    return texts


def _searched(name: str, texts: Iterable[bytes]) -> dict[str, object]:
    """Search texts; return how many bytes were searched a second."""
    count, size, found, taken_ms = 0, 0, 0, 0.0

    def search(text: bytes) -> None:
        nonlocal found
        kind = sniff(text[:HEAD_BYTES])
        source = MemorySource(text)
        items = find_files(source, kind=kind, most=MOST_FOUND, held_bytes=HELD_BYTES)
        found += sum(1 for _ in items)

    for text in texts:
        taken_ms += cpu_ms(lambda text=text: search(text))  # type: ignore[misc]
        count, size = count + 1, size + len(text)
    rate = size / 1e3 / max(taken_ms, 1e-6)
    mb = round(size / 1e6, 1)
    return {
        "kind": name,
        "texts": count,
        "mb": mb,
        "mb_s": round(rate, 1),
        "found": found,
    }
