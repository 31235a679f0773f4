"""The process around the service; ``e2e/test_life.py`` starts and ends it."""

import resource
import subprocess
import sys

from uploadfilter.service.serving import raise_descriptor_limit

_BUFFERS = """
import resource

from uploadfilter.service.serving import keep_freed_memory


def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def use_buffers() -> None:
    [bytes((number,)) * 300_000 for number in range(10)]


keep_freed_memory()
use_buffers()
before = faults()
for _ in range(20):
    use_buffers()
print(faults() - before)
"""


def test_descriptors_are_as_many_as_the_system_allows() -> None:
    """The service limits uploads by number, and not by descriptors."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
        raise_descriptor_limit()

        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_memory_of_buffers_is_used_again() -> None:
    """Buffers get the pages of the buffers before, and cause no page faults."""
    command = (sys.executable, "-c", _BUFFERS)
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603

    # Thousands with the defaults of glibc; a few pages for other objects are allowed.
    assert int(found.stdout) < 200
