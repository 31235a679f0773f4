"""Whatever bytes are changed, decoding ends with values, soon.

A few hundred cases run with the other tests. With ``FUZZ_S=120`` these tests run for
120 CPU seconds of each worker, from the number ``FUZZ_START`` on: as many cases on a
busy machine as on an idle one. A failure names the seed and the number, which give the
same bytes again.
"""

import io
import itertools
import os
import resource
from collections.abc import Iterator

import pytest

from tests.fuzz import seeds
from tests.fuzz.mutations import mutated
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame, Omission

FUZZ_S = float(os.environ.get("FUZZ_S", "0"))
FUZZ_START = int(os.environ.get("FUZZ_START", "0"))
FUZZ_JOBS = 4
"""Tests among which the seeds are shared out, so that several cores can run them."""

CASES = 10
"""Default number of cases of each seed."""

MOST_CPU_S = 2.0
"""CPU seconds for one file: the budget of a content. These take a hundredth; looked at
in long runs only, since tests do not depend on the machine."""

LIMITS = DecodeLimits(
    max_pixels=1_000_000,
    max_decoded_bytes=16_000_000,
    max_frames=8,
    max_total_pixels=2_000_000,
)


def numbers() -> Iterator[int]:
    """Yield the numbers of the mutations to try."""
    if not FUZZ_S:
        yield from range(FUZZ_START, FUZZ_START + CASES)
        return
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    end_s = cpu_s() + FUZZ_S * min(workers, FUZZ_JOBS) / FUZZ_JOBS
    for number in itertools.count(FUZZ_START):
        if cpu_s() > end_s:
            return
        yield number


def cpu_s() -> float:
    """Return the CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def check(content: bytes) -> None:
    """Decode content; whatever it gives must be a frame or a reason."""
    count = 0
    for item in frames_of(io.BytesIO(content), formats=FORMATS, limits=LIMITS):
        assert isinstance(item, Frame | Omission)
        count += 1
    assert count


@pytest.mark.parametrize("job", range(FUZZ_JOBS))
def test_mutated_file_is_a_value(job: int) -> None:
    """No exception leaves the decoders, and no file keeps them busy."""
    names = seeds.NAMES[job::FUZZ_JOBS]
    others = [seeds.seed(name) for name in names]
    for number in numbers():
        for name, content in zip(names, others, strict=True):
            case = mutated(content, others, number)
            start_s = cpu_s()
            try:
                check(case)
            except BaseException as exc:
                exc.add_note(f"seed {name}, mutation {number}")
                raise
            took_s = cpu_s() - start_s
            assert not FUZZ_S or took_s < MOST_CPU_S, f"seed {name}, mutation {number}"


@pytest.mark.parametrize("name", seeds.NAMES)
def test_seed_is_sound(name: str) -> None:
    """Mutations start from a file that is shown completely."""
    content = io.BytesIO(seeds.seed(name))

    shown = list(frames_of(content, formats=FORMATS, limits=LIMITS))

    assert shown
    assert all(isinstance(item, Frame) for item in shown)
