"""Make everyday files that few packages hold, with harmless contents."""

import base64
import contextlib
import functools
import io
import json
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pillow_heif
from PIL import Image

from benchmarks.everyday.files import File
from tests.corpus import pictures
from tests.corpus.pdfs import Document

_NAMES = {
    "cp437": "Übersicht Straße",
    "cp1252": "Été à Paris, reçu €",
    "shift_jis": "会議の資料",
    "gbk": "会议资料",
    "euc_kr": "회의 자료",
    "cp866": "Отчёт за год",
}
"""Names as older versions of Windows write them into zip files, by code page."""

_TEXT = b"Minutes of the meeting: all is well, and the next one is in spring.\n" * 60


def _photo(width: int, height: int) -> Image.Image:
    """Return a picture of a size; large ones are enlarged, and cost as much to read."""
    return pictures.photograph(7, width=width // 8, height=height // 8).resize(
        (width, height)
    )


def _heic(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    photo = pillow_heif.from_pillow(_photo(width, height))
    photo.save(buffer, format="HEIF", quality=60)
    return buffer.getvalue()


def _avif(width: int, height: int) -> bytes:
    return pictures.encoded(_photo(width, height), "AVIF", quality=60, speed=10)


_FORMS = {"B": 1, "H": 3, "I": 4}
"""Forms of values in a TIFF, with their numbers."""

_INLINE_BYTES = 4


def _directory(at: int, entries: dict[int, tuple[str, tuple[int, ...]]]) -> bytes:
    """Return a directory of a TIFF for an offset, with its long values."""
    head, tail = struct.pack("<H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, (form, values) in sorted(entries.items()):
        body = struct.pack(f"<{len(values)}{form}", *values)
        place = body.ljust(4, b"\0")
        if len(body) > _INLINE_BYTES:
            place = struct.pack("<I", behind + len(tail))
            tail += body
        head += struct.pack("<HHI", tag, _FORMS[form], len(values)) + place
    return head + bytes(4) + tail


def _raw(width: int, height: int) -> bytes:
    """Return a picture as a camera stores it: samples of one colour, and a preview."""
    small = pictures.photograph(7, width=320, height=240)
    samples = _photo(width, height).convert("L").tobytes()
    first, second = 8, 8 + len(small.tobytes())
    inner = second + len(samples)
    sub = _directory(inner, _page((width, height), second) | _MOSAIC)
    page = _page(small.size, first, samples=3)
    page |= {330: ("I", (inner,)), 50706: ("B", (1, 4, 0, 0))}
    outer = inner + len(sub)
    return (
        struct.pack("<2sHI", b"II", 42, outer)
        + small.tobytes()
        + samples
        + sub
        + _directory(outer, page)
    )


_MOSAIC: dict[int, tuple[str, tuple[int, ...]]] = {
    262: ("H", (32803,)),
    33421: ("H", (2, 2)),
    33422: ("B", (0, 1, 1, 2)),
}
"""States the colour of each sample."""


def _page(
    size: tuple[int, int], start: int, *, samples: int = 1
) -> dict[int, tuple[str, tuple[int, ...]]]:
    """Return the directory entries for a page in one strip."""
    width, height = size
    return {
        256: ("I", (width,)),
        257: ("I", (height,)),
        258: ("H", (8,) * samples),
        259: ("H", (1,)),
        262: ("H", (2 if samples > 1 else 1,)),
        273: ("I", (start,)),
        277: ("H", (samples,)),
        278: ("I", (height,)),
        279: ("I", (width * height * samples,)),
    }


def _old_zip(page: str) -> bytes:
    """Return a zip whose names are in a code page that it does not state."""
    name = _NAMES[page].encode(page, "replace")
    plain = b"X" * len(name)
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(plain.decode() + ".txt", _TEXT)
        archive.writestr(plain.decode() + ".png", pictures.png(_photo(640, 480)))
    return file.getvalue().replace(plain, name)


def _locked_zip() -> bytes:
    """Return a zip whose one member is marked as encrypted."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("contract.txt", _TEXT)
    data = bytearray(file.getvalue())
    for magic, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(magic) + at] |= 1
    return bytes(data)


def _pdf(*, locked: bool) -> bytes:
    document = Document()
    document.add_page((612, 792))
    return document.save(password=b"reader" if locked else None)


def _sqlite() -> bytes:
    """Return a file of tables with a cover in each row."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE books (id INTEGER, title TEXT, cover BLOB)")
        cover = pictures.jpeg(_photo(640, 480))
        rows = [(number, f"Book {number}", cover) for number in range(200)]
        connection.executemany("INSERT INTO books VALUES (?, ?, ?)", rows)
        connection.commit()
        return connection.serialize()


def _notebook() -> bytes:
    """Return a notebook with a plot as text, as its program writes it."""
    plot = base64.encodebytes(pictures.png(_photo(640, 480))).decode()
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": ["plot()\n"],
        "outputs": [{"output_type": "display_data", "data": {"image/png": plot}}],
    }
    return json.dumps({"cells": [cell] * 12, "nbformat": 4}, indent=1).encode()


def _words() -> bytes:
    """Return a list of long words, each of which could be base64."""
    parts = ("donau", "dampf", "schiff", "fahrt", "gesell", "schaft", "kapitän")
    words = {"".join(parts[n // 7**k % 7] for k in range(6)) for n in range(7**6)}
    return "\n".join(sorted(words)).encode()


MAKERS: dict[str, tuple[str, Callable[[], bytes]]] = {
    **{
        f"zip-{page}.zip": ("archive", functools.partial(_old_zip, page))
        for page in _NAMES
    },
    "zip-password.zip": ("encrypted", _locked_zip),
    "document-password.pdf": ("encrypted", lambda: _pdf(locked=True)),
    "document.pdf": ("pdf", lambda: _pdf(locked=False)),
    "books.sqlite": ("data", _sqlite),
    "notebook.ipynb": ("data", _notebook),
    "words.txt": ("data", _words),
    "phone-12.jpg": ("picture", lambda: pictures.jpeg(_photo(4032, 3024))),
    "phone-12.heic": ("picture", lambda: _heic(4032, 3024)),
    "phone-26.heic": ("picture", lambda: _heic(6240, 4160)),
    "phone-24.heic": ("picture", lambda: _heic(5712, 4284)),
    "phone-48.heic": ("picture", lambda: _heic(8064, 6048)),
    "phone-50.jpg": ("picture", lambda: pictures.jpeg(_photo(8160, 6120))),
    "camera-24.webp": ("picture", lambda: pictures.webp(_photo(6000, 4000))),
    "camera-24.avif": ("picture", lambda: _avif(6000, 4000)),
    "camera-24.dng": ("raw", lambda: _raw(6000, 4000)),
    "screen.png": ("picture", lambda: pictures.png(_photo(2560, 1440))),
}
"""Names of files, with their sorts and their makers."""


def made(folder: Path) -> Iterator[File]:
    """Yield the files, and make missing ones."""
    for name, (sort, make) in MAKERS.items():
        path = folder / name
        if not path.exists():
            path.write_bytes(make())
        yield File(sort=sort, name=f"made: {name}", path=path)
