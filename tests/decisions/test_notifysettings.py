"""Settings of notifications."""

import base64

import pytest

from uploadfilter.decisions.notifysettings import NotifySettings

SECRET = base64.b64encode(b"s" * 32).decode()


def test_default_tells_nobody() -> None:
    """Nothing leaves the machine unless an operator says where to."""
    assert NotifySettings().url == ""


@pytest.mark.parametrize(
    ("url", "secret", "named"),
    [
        ("http://example.org/", SECRET, "url must be https"),
        ("https://example.org/", "", "secret must be 24 to 64 bytes"),
        ("https://example.org/", "guessable", "secret must be 24 to 64 bytes"),
    ],
)
def test_receiver_that_could_be_deceived_is_refused(
    url: str, secret: str, named: str
) -> None:
    """Others could read the messages, or make some."""
    with pytest.raises(ValueError, match=named):
        NotifySettings(url=url, secret=secret)
