"""The process around the service; ``e2e/test_life.py`` starts and ends it."""

import resource

from uploadfilter.service.serving import raise_descriptor_limit


def test_descriptors_are_as_many_as_the_system_allows() -> None:
    """The service limits uploads by number, and not by descriptors."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
        raise_descriptor_limit()

        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
