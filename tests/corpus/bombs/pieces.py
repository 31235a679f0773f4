"""Hostile files that are small file systems: a part of ``bombs.py``."""

import sqlite3
import struct
import zlib
from contextlib import closing

from tests.corpus.bombs.pictures import MIB
from tests.corpus.tricks import pieces as made


def shared_ole() -> bytes:
    """Return a document of two hundred streams that share one MiB."""
    small = [(str(number), bytes(4096)) for number in range(200)]
    file = made.ole(("long", bytes(MIB)), *small)
    sectors, each = MIB // 512, 8
    shared = struct.pack("<LQ", sectors - 1, MIB)
    for number in range(len(small)):
        start = sectors + each * number + each - 1
        file = file.replace(struct.pack("<LQ", start, 4096), shared, 1)
    return file


def crowded_ole() -> bytes:
    """Return a document of 700 streams."""
    return made.ole(*((str(number), bytes(4096)) for number in range(700)))


def packed_ole() -> bytes:
    """Return a document with five hundred packed pictures of a MiB each."""
    packed = b"\0\xfe" + zlib.compress(bytes(MIB), 9)
    return made.ole(("Pictures", packed * 500))


def crowded_sqlite() -> bytes:
    """Return a database of five thousand rows that are a little too long."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("pragma page_size = 512")
        connection.execute("create table t (v blob)")
        rows = [(bytes(600),)] * 5_000
        connection.executemany("insert into t values (?)", rows)
        connection.commit()
        return connection.serialize()


def crowded_tag() -> bytes:
    """Return a tag of thirty thousand packed frames."""
    body = struct.pack(">L", 1) + zlib.compress(b"a")
    frame = b"APIC" + struct.pack(">L", len(body)) + b"\0\x80" + body
    return b"ID3\3\0\0" + made.synchsafe(len(frame) * 30_000) + frame * 30_000


def empty_deflate() -> bytes:
    """Return half a million empty blocks of deflate."""
    return b"\0\0\0\xff\xff" * (MIB // 2)


def crowded_ogg() -> bytes:
    """Return two hundred thousand empty pages of one stream."""
    return struct.pack("<4sBBqLLLB", b"OggS", 0, 0, 0, 7, 0, 0, 0) * 200_000
