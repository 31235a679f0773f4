"""A scanner process whose contents say in which parts they are answered, and how.

A content is a row of acts, each with an argument or none, separated by ``;``; the part
before the first ``;`` only sets the kind of content (``%PDF-1.7``, or nothing). The
tests run it through ``ScannerSettings(module=MODULE)``.
"""

import ctypes
import os
import sys
import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from uploadfilter.model import Reason, Scan, View
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.inside.walking.spans import open_span
from uploadfilter.scanners.wire.messages import (
    UNKNOWN_KIND,
    ContentSpan,
    Handed,
    ProcessKind,
    ReplyPart,
    ScanRequest,
)

MODULE: Final = "tests.scanners.standins_parts"

_PLANE: Final = np.zeros(64 * 64, np.float32).tobytes()


def perform(
    upload: Handed, span: ContentSpan, request: ScanRequest, _cpu_s: float
) -> Iterator[ReplyPart]:
    """Obey the content, one act after the other, and report success."""
    content = open_span(upload, span).read(0, span.length)
    acts = content.decode("latin-1").split(";")[1:]
    for act in acts:
        word, _, argument = act.strip().partition(" ")
        for part in _perform(word, argument, span.length, request):
            yield part
            if part.is_last:
                return
    yield ReplyPart(scan=_scan(span.length))


def _perform(
    word: str, argument: str, size: int, request: ScanRequest
) -> Iterator[ReplyPart]:
    match word:
        case "part":
            yield ReplyPart(scan=_scan(size, view=argument), is_last=False)
        case "parts":
            for _ in range(int(argument)):
                yield ReplyPart(scan=_scan(size), is_last=False)
        case "who":
            # In which process, under a name that a test finds.
            yield ReplyPart(scan=_scan(size, nested=f"!/{os.getpid()}"), is_last=False)
        case "want-alone":
            if request.process is ProcessKind.COMMON:
                yield ReplyPart(scan=_scan(size, view="void"), is_last=False)
                yield ReplyPart(scan=_scan(size), needs=ProcessKind.ALONE)
        case "lie-alone":
            yield ReplyPart(scan=_scan(size), needs=ProcessKind.ALONE)
        case "formats":
            for name in sorted(request.formats):
                yield ReplyPart(scan=_scan(size, nested=f"!/{name}"), is_last=False)
        case _:
            _suffer(word, argument)


def _suffer(word: str, argument: str) -> None:
    """Do only the part that is visible from outside."""
    match word:
        case "linger":
            time.sleep(float(argument))
        case "hang":
            time.sleep(3600)
        case "burn":
            end_s = time.process_time() + float(argument)
            while time.process_time() < end_s:
                pass
        case "die":
            ctypes.string_at(0)
        case "die-as":
            if os.getpid() == int(argument):
                ctypes.string_at(0)
        case _:
            raise LookupError(word)


def _scan(size: int, *, view: str = "", nested: str = "") -> Scan:
    views = (View(name=view, rows=(), plane=_PLANE),) if view else ()
    inner = Scan(path=nested, kind=UNKNOWN_KIND, size=0, reason=Reason.TRUNCATED)
    return Scan(
        path="",
        kind=UNKNOWN_KIND,
        size=size,
        views=views,
        contents=(inner,) if nested else (),
    )


if __name__ == "__main__":
    run(sys.argv[1:], perform)
