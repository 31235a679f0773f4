"""Servers of others get requests of every kind at once, and none is lost.

Each server ends connections in its own way: with or without an announcement, after an
error, or when it has refused a body unread. What an upload costs on the way of
another one shows only under many connections.
"""

import asyncio
from pathlib import Path

import pytest

from tests.sites.behind import behind
from tests.sites.mixing import SERVERS, answering, mixed

pytestmark = pytest.mark.e2e

REQUESTS = 600
"""Enough for each kind to follow each other one; a few seconds for each server."""


@pytest.mark.parametrize("name", SERVERS)
def test_each_request_gets_the_answer_of_the_server(name: str, tmp_path: Path) -> None:
    """None is 502, whatever the server did to its connection before or after."""
    with (
        answering(name, tmp_path) as origin,
        behind(origin, stored=tmp_path, folder=tmp_path) as stage,
    ):
        port = stage.ports[1]
        wrong = asyncio.run(mixed(port, requests=REQUESTS, connections=12))

    assert dict(wrong) == {}
