"""Run the process that searches for altered copies: one upload after the other.

It runs only when no other process wants a core, so that no upload waits for it. A
process can do that and a thread of the proxy cannot: a thread that waits for a core
would keep the interpreter's lock meanwhile.

Rules this module keeps: it reads our own files and planes that our scanners computed,
and no byte of a client; it writes no file; it ends with the proxy.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from uploadfilter.copies.wire import (
    LENGTH_BYTES,
    Reply,
    Request,
    decode_request,
    encode,
)
from uploadfilter.errors import HashSetKnownGoodError, StoreError
from uploadfilter.evidence.finding import find_altered
from uploadfilter.knowngood.cohorts import Cohorts
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.scanners.inside.confinement import (
    die_with_parent,
    keep_reading,
    set_cpu_alarm,
)

NO_COHORT: Final = "the known-good corpora have too few pictures to judge by"

COHORT_HINT: Final = (
    "No altered copy is found until this is mended. See 'uploadfilter hashset "
    "known-good list', or set enabled = false in [evidence]."
)

MOST_CPU_S: Final = 60.0
"""CPU seconds of one search after which the kernel ends the process: sixteen views take
one or two, and a new generation and cohort a second more."""

_LEAST_PRIORITY: Final = 19


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer requests on the standard input until it ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    state = parser.parse_args(arguments).state
    die_with_parent()
    give_way()
    keep_reading()
    # What a library prints must not look like a reply.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reference, replies:
        answer(sys.stdin.buffer, replies, reference, Cohorts(state))
    return 0


def give_way() -> None:
    """Run only when no other process wants a core."""
    os.nice(_LEAST_PRIORITY)
    # Some containers forbid it; the lowest ordinary priority is left then.
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def answer(
    requests: BinaryIO, replies: BinaryIO, reference: ReferenceReader, cohorts: Cohorts
) -> None:
    """Answer each request, until they end."""
    while len(head := requests.read(LENGTH_BYTES)) == LENGTH_BYTES:
        request = decode_request(requests.read(int.from_bytes(head)))
        set_cpu_alarm(MOST_CPU_S)
        reply = search(request, reference, cohorts)
        set_cpu_alarm(0)
        replies.write(encode(reply))
        replies.flush()


def search(request: Request, reference: ReferenceReader, cohorts: Cohorts) -> Reply:
    """Search the views of an upload in the newest generation."""
    try:
        generation, background = reference.current(), cohorts.background()
    except (HashSetKnownGoodError, StoreError) as exc:
        return Reply(error=str(exc), hint=exc.hint or COHORT_HINT)
    if background is None:
        return Reply(error=NO_COHORT, hint=COHORT_HINT)
    found = find_altered(generation, request.views, background)
    return Reply(
        matches=found.matches,
        is_finished=not found.unfinished,
        generation=generation.number,
    )


if __name__ == "__main__":
    sys.exit(main())
