"""A filter with a route for each protocol, before a server of each."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.proxy.assembling.senders import LISTED, LISTED_WORDS, routes
from tests.proxy.site import Site, exact_entry, site
from uploadfilter.model import Mode

ENTRIES = (exact_entry(1, LISTED_WORDS), exact_entry(2, LISTED))


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def enforcing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter that rejects the listed contents."""
    state = tmp_path_factory.mktemp("enforcing")
    async with site(state, listed=ENTRIES, routes=routes(Mode.ENFORCE)) as made:
        yield made


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def monitoring(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The same, which rejects nothing."""
    state = tmp_path_factory.mktemp("monitoring")
    async with site(state, listed=ENTRIES, routes=routes(Mode.MONITOR)) as made:
        yield made
