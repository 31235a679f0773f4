"""Clients of Python: each posts a form with a file to URL/<its name>.

Arguments: URL, file. Writes ``{client: status}``. Runs in the environment of the sites.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import requests
import urllib3
from requests_toolbelt import MultipartEncoder

URL, PATH = sys.argv[1], Path(sys.argv[2])
PHOTO = PATH.read_bytes()
NAME = 'lake näïve "q".jpg'
FIELDS = [
    ("title", "Een meer & bomen"),
    ("tags[]", "a"),
    ("tags[]", "b"),
    ('naïve "x"', "é漢\r\n--"),
    ("empty", ""),
]
FILES: Any = [
    ("photo", (NAME, PHOTO, "image/jpeg")),
    ("bare", ("a\\b.bin", bytes(range(99)))),
]


def by_requests(url: str) -> int:
    """Send with requests."""
    return int(requests.post(url, data=FIELDS, files=FILES, timeout=60).status_code)


def by_toolbelt(url: str) -> int:
    """Send with the streaming encoder of requests-toolbelt."""
    form = MultipartEncoder([*FIELDS, ("photo", (NAME, PHOTO, "image/jpeg"))])
    headers = {"Content-Type": form.content_type}
    return int(requests.post(url, data=form, headers=headers, timeout=60).status_code)


def by_httpx(url: str) -> int:
    """Send with httpx."""
    data = {"title": "x", "tags[]": ["a", "b"], 'naïve "x\\': "é漢\r\n--", "empty": ""}
    return int(httpx.post(url, data=data, files=FILES, timeout=60).status_code)


def by_urllib3(url: str) -> int:
    """Send with urllib3."""
    fields: Any = [*FIELDS, *FILES]
    return urllib3.request("POST", url, fields=fields).status


def by_aiohttp(url: str) -> int:
    """Send with aiohttp, which writes names in its own way."""
    return asyncio.run(_by_aiohttp(url, quote=True))


def by_aiohttp_unquoted(url: str) -> int:
    """Send with aiohttp, which leaves names as they are."""
    return asyncio.run(_by_aiohttp(url, quote=False))


async def _by_aiohttp(url: str, *, quote: bool) -> int:
    form = aiohttp.FormData(quote_fields=quote)
    for name, value in FIELDS:
        form.add_field(name if name.isascii() else "x", value)  # It takes no others.
    form.add_field("photo", PHOTO, filename=NAME, content_type="image/jpeg")
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as done:
        return done.status


CLIENTS: dict[str, Callable[[str], int]] = {
    "requests": by_requests,
    "requests-toolbelt": by_toolbelt,
    "httpx": by_httpx,
    "urllib3": by_urllib3,
    "aiohttp": by_aiohttp,
    "aiohttp-unquoted": by_aiohttp_unquoted,
}

if __name__ == "__main__":
    found = {name: send(f"{URL}/{name}") for name, send in CLIENTS.items()}
    sys.stdout.write(json.dumps(found))
