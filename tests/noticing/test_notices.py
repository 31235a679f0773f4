"""Tests of uploadfilter.noticing.notices."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.noticing.notices import notice
from uploadfilter.noticing.notices import (
    MOST_CONTACT,
    MOST_WHAT,
    MOST_WHERE,
    HotlineNotice,
    faults_of,
    pause_s,
)

shown = st.text(st.characters(exclude_categories=("C", "Z")), max_size=80)


@given(where=shown, what=shown, contact=shown)
def test_no_text_becomes_a_header_of_the_mail(
    where: str, what: str, contact: str
) -> None:
    """Whatever is typed stands in the body."""
    it = HotlineNotice(
        id="0" * 32, received_s=0, where=where, what=what, contact=contact
    )
    data = it.mail(sender="host@example.org", to="hotline@example.org").as_bytes()
    read = email.message_from_bytes(data, policy=email.policy.default)

    assert set(read.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert read["To"] == "hotline@example.org"
    body = read.get_content()
    assert all(text in body for text in (where, what, contact))


def test_object_for_an_address() -> None:
    """With the time in UTC, and an id that stays the same."""
    assert notice().document() == {
        "notice": 1,
        "id": "0" * 31 + "1",
        "received": "2026-11-28T12:00:01+00:00",
        "where": "https://site.example/a",
        "what": "In the second post.",
        "contact": "a@example.org",
        "language": "en",
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"where": "x"}, ""),
        ({"where": ""}, "no_where"),
        ({"where": "x" * (MOST_WHERE + 1)}, "too_long"),
        ({"where": "x", "what": "x" * (MOST_WHAT + 1)}, "too_long"),
        ({"where": "x", "contact": "x" * (MOST_CONTACT + 1)}, "too_long"),
    ],
)
def test_unfit_notices_are_told(fields: dict[str, str], expected: str) -> None:
    """A place is needed, and every field is bounded."""
    assert faults_of({"what": "", "contact": "", **fields}) == expected


@given(st.integers(1, 1000))
def test_pauses_grow_up_to_an_hour(tries: int) -> None:
    """Never shorter, and never longer than an hour."""
    assert 60 <= pause_s(tries) <= pause_s(tries + 1) <= 3600
