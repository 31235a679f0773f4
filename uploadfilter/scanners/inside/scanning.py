"""Scan one content: its kind, its pictures, and the contents in it.

``walk.py`` decides what to look at; ``tree.py`` builds the scan from the findings. This
module gives a walk its bytes and its time, and cuts the findings into parts.
"""

import codecs
import encodings
import locale
import pkgutil
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from uploadfilter.contents import containers
from uploadfilter.contents.kinds import proposals
from uploadfilter.model import Scan, SignalType
from uploadfilter.pictures import decoding, faults
from uploadfilter.scanners.inside.walking.spans import digests_of, open_span
from uploadfilter.scanners.inside.walking.tree import Node
from uploadfilter.scanners.inside.walking.walk import Walk
from uploadfilter.scanners.inside.walking.wanted import NeedsProcess, WalkSettings
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import (
    ContentSpan,
    Handed,
    ProcessKind,
    ReplyPart,
)
from uploadfilter.signals import hashes

_TIME_TO_FINISH: Final = 0.85
"""Share of the CPU seconds after which no further step is begun, so that a scan of many
steps ends by itself. The alarm ends a single long step."""

_MOST_UNSENT: Final = 2000
"""Most contents that wait for a view before they are sent without one: half a megabyte,
and the most digests that the loss of this process can cost."""


def prepare() -> None:
    """Set up this process for decoding: call it before the process is confined.

    Libraries import modules and open files late; they do so here, since they cannot do
    it later.
    """
    _load_codecs()
    # libarchive decodes names with this locale, whatever the locale of the service is.
    with suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    decoding.prepare_process()
    hashes.prepare_process()
    containers.prepare()


def _load_codecs() -> None:
    """Load every codec of Python; each is a module that is imported late.

    Names in archives and texts may be in any of them. All together take 0.06 CPU
    seconds and 5 MiB, once for a thousand scanners.
    """
    for module in pkgutil.iter_modules(encodings.__path__):
        # Codecs of other systems, and modules that are not codecs, are not found.
        with suppress(LookupError, UnicodeError):
            codecs.lookup(module.name)


def scan_content(
    upload: Handed,
    span: ContentSpan,
    *,
    types: frozenset[SignalType],
    budgets: Budgets,
    digests: bool = False,
    formats: frozenset[str] = frozenset(),
    process: ProcessKind = ProcessKind.ALONE,
    cpu_s: float | None = None,
    windows: bool = False,
) -> Iterator[ReplyPart]:
    """Scan one content.

    Args:
        upload: The upload, or its descriptor.
        span: The place of the content in it.
        types: Perceptual signal types to compute.
        budgets: The limits of its cost; memory and hard time are limits of the process.
        digests: Whether to compute md5, sha1 and sha256 of the content itself.
        formats: Picture formats to decode beyond the usual ones.
        process: The kind of this process; see ``ScanRequest``.
        cpu_s: CPU seconds after which the process is killed; ``None`` for no limit.
        windows: Whether views of windows are wanted; see ``ScanRequest``.

    Yields:
        Parts of the scan, with the path of ``span``, each as soon as possible. The
        usual picture is one part.

    Raises:
        MemoryError: The address space of the process was too small.
    """
    source = open_span(upload, span)
    kind = proposals.kind_of(source)
    root = Node(path=span.path, kind=kind.value, size=span.length)
    if digests:
        root.exact = digests_of(source)
    walk = Walk(
        WalkSettings(
            types=types,
            budgets=budgets,
            also=formats,
            process=process,
            deadline_s=None
            if cpu_s is None
            else time.process_time() + _TIME_TO_FINISH * cpu_s,
            clock=time.process_time,
            windows=windows,
        ),
        content_bytes=span.length,
    )
    declared = (span.declared_type or "").strip().lower()
    with faults.noting() as mistakes:
        try:
            steps = walk.steps(source, root, declared=declared, coding=span.coding)
            for _ in steps:
                if root.has_views or walk.accounts.unsent_contents >= _MOST_UNSENT:
                    walk.accounts.unsent_contents = 0
                    yield ReplyPart(scan=root.part(), is_last=False)
        except NeedsProcess as exc:
            empty = Scan(path=span.path, kind=kind.value, size=span.length)
            yield ReplyPart(scan=empty, needs=exc.kind)
            return
    yield ReplyPart(scan=root.part(), fault=next(iter(mistakes), ""))
