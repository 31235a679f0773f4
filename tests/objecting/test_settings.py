"""Tests of uploadfilter.objecting.settings."""

import pytest

from uploadfilter.objecting.settings import ObjectionSettings


@pytest.mark.parametrize(
    "url",
    ["", "https://upload.example.org/objection", "http://127.0.0.1:8093/objection"],
)
def test_addresses_of_a_form_are_accepted(url: str) -> None:
    """None, or one of HTTP."""
    assert ObjectionSettings(public_url=url).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "upload.example.org/objection",
        "javascript:alert(1)",
        "https://example.org/a?b=c",
        "https://example.org/a;script-src *",
        "https://example.org/a b",
        "https:///objection",
        "https://[::1/objection",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """What a browser cannot be sent to, or would change the policy of a page."""
    with pytest.raises(ValueError, match="public_url"):
        ObjectionSettings(public_url=url)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"enabled": True}, "public_url is needed"),
        ({"deadline_days": 0}, "deadline_days must be 1 to"),
        ({"keep_days": 4000}, "keep_days must be 1 to"),
        ({"most_open": 0}, "most_open must be 1 to"),
        ({"tries_per_hour": 0}, "tries_per_hour must be 1 to"),
    ],
)
def test_values_that_mean_nothing_are_refused(
    values: dict[str, int], message: str
) -> None:
    """Each key has bounds, and a form has an address."""
    with pytest.raises(ValueError, match=message):
        ObjectionSettings(**values)  # type: ignore[arg-type] # some are wrong
