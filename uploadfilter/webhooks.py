"""Sign messages for another system, and send them by POST.

The headers are those of Standard Webhooks 1.0 (https://www.standardwebhooks.com): a
receiver needs only one of its libraries, or HMAC-SHA-256 and ten lines.

Rules this module keeps: a message is accepted only by a status of 2xx; no redirect is
followed; each try has a time limit.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp

_PREFIX: Final = "whsec_"
_LEAST_KEY_BYTES, _MOST_KEY_BYTES = 24, 64
"""Bytes of a key, by Standard Webhooks."""

_PLAIN_URL: Final = re.compile(r"https?://[!-~]{1,2000}")
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_WITHIN_S: Final = 30.0
"""Seconds for one delivery."""

_FIRST_PAUSE_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 3600.0
"""A receiver that was down for a night is tried within the hour after."""

_DOUBLINGS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedMessage:
    """A message as it is sent.

    Attributes:
        id: The same at each try, so that a receiver can drop what it has.
        at_s: The time of this try, in whole seconds since the epoch.
        body: JSON.
    """

    id: str
    at_s: int
    body: bytes

    def headers(self, key: bytes) -> dict[str, str]:
        """Return the headers that prove the sender.

        Args:
            key: The key that the receiver knows; without one, nothing is signed.
        """
        headers = {
            "Content-Type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": str(self.at_s),
        }
        if key:
            signed = b"%s.%d.%s" % (self.id.encode(), self.at_s, self.body)
            digest = hmac.digest(key, signed, hashlib.sha256)
            headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return headers


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Args:
        secret: ``whsec_`` and 24 to 64 bytes in Base64; the prefix may be missing.

    Raises:
        ValueError: It has another form.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not _LEAST_KEY_BYTES <= len(key) <= _MOST_KEY_BYTES:
        raise ValueError(
            f"must be {_LEAST_KEY_BYTES} to {_MOST_KEY_BYTES} bytes in Base64; "
            "'openssl rand -base64 32' makes some"
        )
    return key


def check_url(url: str) -> None:
    """Refuse a URL that others on the way could read.

    Raises:
        ValueError: It is not ``https://``, or ``http://`` of this machine.
    """
    is_fit = _PLAIN_URL.fullmatch(url) is not None
    try:
        parts = urlsplit(url)
        is_private = parts.scheme == "https" or parts.hostname in _HERE
        is_fit = is_fit and bool(parts.hostname) and is_private and parts.port != 0
    except ValueError:
        is_fit = False
    if not is_fit:
        raise ValueError("must be https://URL, or http://URL on this machine")


async def send(
    session: aiohttp.ClientSession, url: str, message: SignedMessage, key: bytes
) -> str:
    """Send one message.

    Returns:
        Why the receiver does not have it; empty if it has.
    """
    timeout = aiohttp.ClientTimeout(total=_WITHIN_S)
    try:
        async with session.post(
            url,
            data=message.body,
            headers=message.headers(key),
            allow_redirects=False,
            timeout=timeout,
        ) as answer:
            status = answer.status
    except (OSError, aiohttp.ClientError) as exc:
        # A time that is over is an OSError, too.
        return f"{type(exc).__name__}: {exc}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    return f"the receiver answered {status}"


def pause_s(tries: int) -> float:
    """Return the seconds until a message is sent again: one minute, then longer.

    Args:
        tries: How often it was tried, from 1.
    """
    return min(_FIRST_PAUSE_S * 2.0 ** min(tries - 1, _DOUBLINGS), _LONGEST_PAUSE_S)
