"""Chunked uploads of Nextcloud through the filter: the whole file, or nothing."""

from itertools import pairwise
from typing import NamedTuple

import pytest

from tests.proxy.assembling.origins import NextcloudOrigin
from tests.proxy.assembling.senders import (
    LISTED,
    UNLISTED,
    NextcloudSender,
    count_held,
    renewed,
)
from tests.proxy.site import Site
from tests.proxy.wire import status
from uploadfilter.model import Action, Reason

pytestmark = pytest.mark.asyncio(loop_scope="package")


class Served(NamedTuple):
    """A filter before a Nextcloud."""

    origin: NextcloudOrigin
    site: Site

    def client(self, data: bytes) -> NextcloudSender:
        """Return a client that sends a file."""
        return NextcloudSender(site=self.site, total=len(data))

    def held(self) -> int:
        """Return how many chunks the filter holds."""
        return count_held(self.site)


@pytest.fixture
def served(enforcing: Site) -> Served:
    """The filter before an empty server, without any chunk."""
    return Served(renewed(enforcing).nextcloud, enforcing)


def cut(data: bytes, *at: int) -> list[bytes]:
    """Return a file in pieces."""
    edges = [0, *at, len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


async def test_chunks_that_another_upload_left_behind_are_not_joined(
    served: Served,
) -> None:
    """An accepted upload that fails at the origin may leave chunks in a folder."""
    head, tail = cut(LISTED, 80)
    client = served.client(LISTED)
    await client.begin()
    served.origin.folders[client.folder]["1"] = head
    await client.chunk(2, tail)
    assert status(await client.join()) == 404
    client.total = len(tail)
    await client.chunk(1, tail)
    assert status(await client.join()) == 400
    client.total = 2 * len(tail)
    assert status(await client.join()) == 201
    assert served.origin.files == {client.file: tail + tail}


@pytest.mark.parametrize("method", ["PUT", "MOVE", "MKCOL"])
async def test_failing_origin_is_heard_and_recorded(
    served: Served, method: str
) -> None:
    """Nothing is sent twice, no chunk stays, and the client begins anew."""
    client = served.client(UNLISTED)
    await client.begin()
    await client.chunk(1, UNLISTED)
    served.origin.fails = {method: 507}
    assert status(await client.join()) == 507
    assert await served.site.outcome(served.site.decisions()[-1].id) == 507
    assert (served.held(), served.origin.folders) == (0, {client.folder: {}})
    served.origin.fails = {}
    assert status(await client.join()) == 404
    client.pieces = [UNLISTED]
    assert status(await client.upload()) == 201


async def test_nobody_holds_or_replaces_chunks_of_others(served: Served) -> None:
    """The origin says who may write into a folder, and whether there is one."""
    client = served.client(UNLISTED)
    await client.begin()
    await client.chunk(1, UNLISTED)
    assert status(await client.chunk(1, LISTED, "Authorization: bad")) == 401
    assert status(await client.join()) == 201
    client.folder += "0"
    assert status(await client.chunk(1, LISTED)) == 404
    assert served.held() == 0


async def test_end_of_an_upload_deletes_its_chunks(served: Served) -> None:
    """If the origin agrees."""
    client = served.client(UNLISTED)
    await client.begin()
    for number in (1, 7):
        await client.chunk(number, UNLISTED)
    refused = await client.site.ask("DELETE", client.folder, "Authorization: bad")
    assert (status(refused), served.held()) == (401, 2)
    assert status(await client.site.ask("DELETE", client.folder)) == 204
    assert served.held() == 0


async def test_file_that_is_too_large_is_refused_at_once(served: Served) -> None:
    """Its first chunk says how long it will be."""
    client = served.client(UNLISTED)
    await client.begin()
    client.total = 10**12
    assert status(await client.chunk(1, UNLISTED)) == 413
    assert served.held() == 0


async def test_other_requests_are_treated_as_on_any_route(served: Served) -> None:
    """They look into the folder, or send whole files."""
    client = served.client(UNLISTED)
    await client.begin()
    assert status(await client.site.ask("PROPFIND", client.folder)) == 207
    served.origin.folders["/remote.php/dav/files/me"] = {}
    put = await client.site.ask("PUT", "/remote.php/dav/files/me/a.png", body=LISTED)
    assert status(put) == 403


async def test_monitor_records_and_passes_what_nobody_could_hold(
    monitoring: Site,
) -> None:
    """One of its chunks is in a coding, and goes to the origin at once."""
    served = Served(renewed(monitoring).nextcloud, monitoring)
    client = served.client(LISTED)
    await client.begin()
    head, tail = cut(LISTED, 80)
    await client.chunk(1, head)
    await client.chunk(2, tail, "Content-Encoding: identity, x")
    assert status(await client.join()) == 201
    assert served.origin.files == {client.file: LISTED}
    decision = served.site.decisions()[-1]
    assert (decision.reason, decision.effect) == (
        Reason.PIECEWISE_UPLOAD,
        Action.ACCEPT,
    )
