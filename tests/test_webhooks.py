"""Signed messages, checked by a library that nobody here wrote."""

import base64
import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from uploadfilter.webhooks import SignedMessage, check_url, key_of, pause_s

KEY = b"k" * 32
SECRET = base64.b64encode(KEY).decode()
BODY = json.dumps({"type": "match", "data": {"name": "naïve"}}).encode()


def test_headers_are_those_of_standard_webhooks() -> None:
    """The library of the standard accepts them, and nothing that was changed."""
    import time  # noqa: PLC0415 - the library compares with the present

    message = SignedMessage(id="main-7", at_s=int(time.time()), body=BODY)  # noqa: TID251
    headers = message.headers(key_of(f"whsec_{SECRET}"))
    receiver = Webhook(f"whsec_{SECRET}")

    assert receiver.verify(BODY.decode(), headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(BODY.decode() + " ", headers)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(BODY.decode(), headers | {"webhook-id": "main-8"})


def test_message_without_a_key_is_not_signed() -> None:
    """A hotline has no key of ours."""
    headers = SignedMessage(id="a", at_s=1, body=b"{}").headers(b"")

    assert "webhook-signature" not in headers


@pytest.mark.parametrize("secret", [SECRET, f"whsec_{SECRET}"])
def test_key_may_have_the_prefix_of_the_standard(secret: str) -> None:
    """Both forms are in use."""
    assert key_of(secret) == KEY


@pytest.mark.parametrize("secret", ["", "short", "ä" * 40, "whsec_", "a" * 400])
def test_key_of_another_form_is_refused(secret: str) -> None:
    """The message says how to make one."""
    with pytest.raises(ValueError, match="openssl rand -base64 32"):
        key_of(secret)


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://example.org/", "ftp://example.org", "https://", "https:///a"),
        *("https://a b/", "https://a:0/", "https://a:x/", "https://[::", "http://ä/"),
    ],
)
def test_url_that_others_could_read_is_refused(url: str) -> None:
    """And what is no URL."""
    with pytest.raises(ValueError, match="must be https"):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.org/hook?a=1", "http://127.0.0.1:9/x", "http://[::1]/"]
)
def test_private_url_is_taken(url: str) -> None:
    """TLS, or this machine."""
    check_url(url)


def test_pauses_grow_to_an_hour() -> None:
    """A receiver that was down for a night is tried within the hour after."""
    pauses = [pause_s(tries) for tries in range(1, 10)]

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (60.0, 3600.0)
