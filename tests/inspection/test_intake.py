"""Uploads as they are taken in, and what the operator is told of them."""

import ipaddress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.proxy.site import site

HERE = (ipaddress.ip_network("127.0.0.0/8"),)
NAMED = (b"X-Forwarded-For: 192.0.2.7",)


@pytest.mark.parametrize(
    ("trusted", "headers", "hint"),
    [
        pytest.param((), (), "trusted_proxies", id="not-trusted"),
        pytest.param(HERE, (), "x-forwarded-for", id="trusted-and-silent"),
        pytest.param(HERE, NAMED, None, id="trusted"),
    ],
)
async def test_uploads_without_a_client_are_told_once(
    tmp_path: Path,
    trusted: tuple[ipaddress.IPv4Network, ...],
    headers: tuple[bytes, ...],
    hint: str | None,
) -> None:
    """Behind a front end that names no client, limits for each client are off."""
    with capture_logs() as logs:
        async with site(tmp_path, trusted_proxies=trusted) as shared:
            for _ in range(2):
                await shared.put(b"text", *headers)

    hints = [it["hint"] for it in logs if it["event"] == "client_limits_off"]
    assert [hint in it for it in hints if hint] == ([True] if hint else [])
    assert bool(hints) is bool(hint)
