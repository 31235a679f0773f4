"""Fetch the files of a signed set: from a folder such as a stick, or over HTTPS.

python-tuf verifies the fetched data, and states its maximum length. This module bounds
time and place: a stick is a hostile file system, a server is a hostile server.

Rules this module keeps: it opens only regular files below the folder, and follows no
link; a server has a time limit for each wait and a minimum speed; no redirect is
followed; without TLS only this machine is contacted.
"""

import os
import stat
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import urllib3
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    SlowRetrievalError,
)
from tuf.ngclient import FetcherInterface
from typing_extensions import override

from uploadfilter.errors import UsageError

CHUNK_BYTES: Final = 1 << 16

WAIT_S: Final = 20.0
"""Time to wait for a connection, and for the next bytes: a server that sends nothing
for longer is asked again later."""

GRACE_S: Final = 30.0
"""Time that a file may take, whatever its length."""

LEAST_BYTES_A_S: Final = 4096
"""A slower server would delay a sync for hours: the largest shard is 5 MB."""

_TRIES: Final = 2
"""Further attempts if there is no connection at once."""

_NOT_FOUND: Final = 404
_FIRST_REFUSAL: Final = 300
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

FOLDER_URL: Final = "folder:"
"""The scheme of a folder where python-tuf needs a URL."""


class FolderFetcher(FetcherInterface):
    """Reads files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        """Read one file.

        Raises:
            DownloadHTTPError: There is no file of that name.
            DownloadError: It is not a regular file in the folder.
        """
        parts = unquote(url.removeprefix(FOLDER_URL)).strip("/").split("/")
        if not all(_is_name(part) for part in parts):
            raise DownloadError("a file of a signed set has an impossible name")
        return self._chunks(self._open(parts), "/".join(parts))

    def _open(self, parts: list[str]) -> int:
        """Open a file step by step, so that no link leads outside."""
        name = "/".join(parts)
        step = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        # The operator named the folder itself: it may be a link.
        at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[:-1]:
                below = os.open(part, step | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = below
            fd = os.open(parts[-1], step | os.O_NONBLOCK, dir_fd=at)
        except FileNotFoundError as exc:
            raise DownloadHTTPError(f"{name} is missing", _NOT_FOUND) from exc
        except OSError as exc:
            raise DownloadError(
                f"{name} cannot be opened, or is a link: {exc.strerror}"
            ) from exc
        finally:
            os.close(at)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise DownloadError(f"{name} is not a regular file")
        return fd

    @staticmethod
    def _chunks(fd: int, name: str) -> Iterator[bytes]:
        with os.fdopen(fd, "rb", buffering=0) as file:
            while True:
                try:
                    chunk = file.read(CHUNK_BYTES)
                except OSError as exc:
                    raise DownloadError(f"cannot read {name}: {exc.strerror}") from exc
                if not chunk:
                    return
                yield chunk


class HTTPFetcher(FetcherInterface):
    """Reads files from a web server.

    Args:
        clock: Monotonic seconds.
        wait_s: How long to wait for a connection, and for the next bytes.
        grace_s: How long a file may take, whatever its length.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait_s: float = WAIT_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._clock = clock
        self._wait_s = wait_s
        self._grace_s = grace_s
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._answer: urllib3.BaseHTTPResponse | None = None

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        """Read one file.

        Raises:
            DownloadHTTPError: The server refuses it.
            SlowRetrievalError: The server does not answer in time.
            DownloadError: There is no connection, or TLS fails.
        """
        try:
            response = self._pool(url).request(
                "GET",
                url,
                preload_content=False,
                decode_content=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=self._wait_s, read=self._wait_s),
                # A wrong certificate will be wrong the next time as well.
                retries=urllib3.Retry(
                    total=_TRIES,
                    read=False,
                    redirect=False,
                    status=0,
                    other=0,
                    backoff_factor=0.2,
                ),
                headers={"Accept-Encoding": "identity"},
            )
        except urllib3.exceptions.HTTPError as exc:
            raise _failed(url, exc) from exc
        if response.status >= _FIRST_REFUSAL:
            status = response.status
            response.close()
            raise DownloadHTTPError(f"{_shown(url)}: status {status}", status)
        self._answer = response
        return self._chunks(response, url)

    def _chunks(self, response: urllib3.BaseHTTPResponse, url: str) -> Iterator[bytes]:
        began_s, count = self._clock(), 0
        try:
            while chunk := response.read1(CHUNK_BYTES):
                count += len(chunk)
                taken_s = self._clock() - began_s
                if taken_s > self._grace_s + count / LEAST_BYTES_A_S:
                    raise SlowRetrievalError(
                        f"{_shown(url)}: {count:,} bytes in {taken_s:.0f} s"
                    )
                yield chunk
        except urllib3.exceptions.HTTPError as exc:
            raise _failed(url, exc) from exc
        finally:
            response.close()

    def close(self) -> None:
        """Close the connection, also in the middle of a file that is too long."""
        if self._answer is not None:
            self._answer.close()
        for pool in self._pools.values():
            pool.clear()

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Return connections to a server, by the proxy of the environment if any."""
        host = urlsplit(url).hostname or ""
        if host not in self._pools:
            scheme = urlsplit(url).scheme
            proxies = urllib.request.getproxies()
            proxy = proxies.get(scheme) or proxies.get("all")
            if proxy and not urllib.request.proxy_bypass(host):
                self._pools[host] = urllib3.ProxyManager(proxy)
            else:
                self._pools[host] = urllib3.PoolManager()
        return self._pools[host]


def fetcher_for(source: str) -> tuple[FetcherInterface, str]:
    """Return the fetcher for a source, and the URL that its files begin with.

    Args:
        source: A folder, or a URL under https; http is allowed for this machine only.

    Raises:
        UsageError: The source has another form.
    """
    parts = urlsplit(source)
    if parts.scheme in {"http", "https"}:
        if parts.username or parts.password:
            raise UsageError(
                "the source has a name or a password in it",
                hint="Restrict access by address or by client certificate at a proxy: "
                "URLs appear in logs.",
            )
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UsageError(
                f"{source!r} is not encrypted",
                hint="Use https. http is allowed for this machine only.",
            )
        return HTTPFetcher(), source.rstrip("/")
    if "://" in source:
        raise UsageError(
            f"cannot fetch from {parts.scheme!r}",
            hint="Name a folder, or a URL under https.",
        )
    folder = Path(source)
    if not folder.is_dir():
        raise UsageError(
            f"{source!r} is not a folder",
            hint="Is the stick there? Name the folder in which 'metadata' and "
            "'targets' are.",
        )
    return FolderFetcher(folder), FOLDER_URL


def _is_name(part: str) -> bool:
    return part not in {"", ".", ".."} and "\0" not in part and "/" not in part


def _failed(url: str, exc: urllib3.exceptions.HTTPError) -> DownloadError:
    reason = getattr(exc, "reason", None) or exc
    slow = (urllib3.exceptions.ReadTimeoutError, urllib3.exceptions.ConnectTimeoutError)
    refused = urllib3.exceptions.NewConnectionError
    if isinstance(reason, slow) and not isinstance(reason, refused):
        return SlowRetrievalError(f"{_shown(url)}: no answer in time")
    return DownloadError(f"{_shown(url)}: {_plain(reason)}")


def _plain(reason: object) -> str:
    """Return why a connection failed, without the representation of an object."""
    text = str(reason)
    return text.rpartition(">: ")[2] or type(reason).__name__


def _shown(url: str) -> str:
    """Return the last parts of a URL, which identify the file."""
    return "/".join(urlsplit(url).path.rsplit("/", 2)[1:])
