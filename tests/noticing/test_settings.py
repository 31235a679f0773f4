"""Tests of uploadfilter.noticing.settings."""

from typing import Any

import pytest

from uploadfilter.noticing.settings import NoticeSettings

FORM = {"enabled": True, "public_url": "https://example.org/notice"}
MAIL = {"hotline_mail": "hotline@example.org", "mail_from": "host@example.org"}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {**FORM, **MAIL},
        {**FORM, "hotline_url": "https://hotline.example/notices"},
        {**FORM, "hotline_url": "http://127.0.0.1:8080/notices"},
    ],
)
def test_usable_settings(values: dict[str, Any]) -> None:
    """Off, or with somebody who gets the notices."""
    assert NoticeSettings(**values).smtp_server == ("127.0.0.1", 25)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"enabled": True}, "public_url is needed"),
        (FORM, "hotline_url or hotline_mail is needed"),
        ({**MAIL, "hotline_url": "https://a.example/"}, "exclude each other"),
        ({"hotline_url": "http://hotline.example/"}, "must be an https:// URL"),
        ({"hotline_url": "https://[::1"}, "must be an https:// URL"),
        ({"hotline_mail": "a@example.org"}, "mail_from is needed"),
        ({**MAIL, "mail_from": "a@example.org\nBcc: b@c.d"}, "plain address"),
        ({"smtp": "localhost"}, "smtp must be HOST:PORT"),
        ({"smtp": "localhost:99999"}, "smtp must be HOST:PORT"),
        ({"embed_on": ("https://a.example; script-src *",)}, "embed_on must be"),
        ({"most_waiting": 0}, "most_waiting must be 1 to"),
    ],
)
def test_settings_that_would_lose_notices_are_refused(
    values: dict[str, Any], message: str
) -> None:
    """A form whose notices reach nobody, a reader on the way, a second header."""
    with pytest.raises(ValueError, match=message):
        NoticeSettings(**values)


def test_address_of_a_mail_server_in_brackets() -> None:
    """IPv6 as in URLs."""
    assert NoticeSettings(smtp="[::1]:2525").smtp_server == ("::1", 2525)
