"""How tests run: property tests here, in CI, and in `make fuzz`; the event loop.

In CI (where the variable ``CI`` is set) Hypothesis takes its own profile ``ci``: the
same examples each time, so that a change is judged by what it changes. ``quick`` is the
profile of ``make test``: the same with fewer examples.
"""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, settings

from tests.loops import TestLoop
from tests.zygote import zygotes
from uploadfilter.scanners.pool import process

FUZZ_EXAMPLES = 2_000
"""Examples of each property in ``make fuzz``: twenty times the usual, some minutes."""

QUICK_EXAMPLES = 25
"""Examples of each property in ``make test``, which ``make test-slow`` runs in full."""

# A deadline would make tests depend on how busy the machine is.
settings.register_profile("default", settings.get_profile("default"), deadline=None)
settings.register_profile("quick", settings(), max_examples=QUICK_EXAMPLES)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=FUZZ_EXAMPLES,
    print_blob=True,
    suppress_health_check=(HealthCheck.too_slow,),
)


def pytest_asyncio_loop_factories() -> Mapping[str, type[TestLoop]]:
    """Run every test of a coroutine in a loop that leaves no open connection."""
    return {"loop": TestLoop}


@pytest.fixture(scope="session", autouse=True)
def _forked_templates() -> Iterator[None]:
    """Fork the templates of scanners instead of loading each anew."""
    with zygotes() as spawn, pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "spawn", spawn)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the properties that leave the number of their examples to the profile.

    The others have the same examples in each run: ``make test-slow`` leaves them out.
    """
    for item in items:
        test = getattr(item, "obj", None)
        # Hypothesis has no public name for the settings of a test.
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None and own.max_examples == settings().max_examples:
            item.add_marker(pytest.mark.growing)
