"""Which browser is admitted, and which is not."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.issuing.page.door import BrowserSession, NotLetIn, Secrets

HERE = "127.1.2.3:4567"
SECRETS = Secrets(link="l" * 43, session="s" * 43, form="f" * 43)
OTHERS = st.text(st.characters(codec="utf-8"), max_size=60)


@pytest.fixture
def door() -> BrowserSession:
    """Return a door that was not used yet."""
    return BrowserSession(SECRETS, authority=HERE)


def test_link_is_good_once(door: BrowserSession) -> None:
    """A second browser is told that the link was used."""
    assert door.enter(SECRETS.link) == SECRETS.session
    assert door.enter(SECRETS.link) is NotLetIn.SPENT
    assert door.knows(SECRETS.session) is None


def test_wrong_link_spends_nothing(door: BrowserSession) -> None:
    """Wrong guesses do not make the right link invalid."""
    assert door.enter("l" * 42) is NotLetIn.STRANGER
    assert door.enter("") is NotLetIn.STRANGER
    assert door.enter(SECRETS.link) == SECRETS.session


def test_cookie_is_worth_nothing_before_the_link_was_used(door: BrowserSession) -> None:
    """No browser has been given it."""
    assert door.knows(SECRETS.session) is NotLetIn.STRANGER


@given(OTHERS)
def test_nothing_else_opens(text: str) -> None:
    """This holds for the link, the cookie, and the number of a form."""
    door = BrowserSession(SECRETS, authority=HERE)
    door.enter(SECRETS.link)

    assert isinstance(door.enter(text), NotLetIn)
    assert door.knows(text) is NotLetIn.STRANGER
    assert door.knows_form(text) is NotLetIn.FORM
    assert door.knows_form(SECRETS.form) is None


@pytest.mark.parametrize(
    ("host", "origin", "site", "changes", "refused"),
    [
        (HERE, None, None, False, None),
        (HERE, None, "none", False, None),
        (HERE, None, "cross-site", False, None),
        (HERE, f"http://{HERE}", None, True, None),
        (HERE, f"http://{HERE}", "same-origin", True, None),
        ("evil.example:4567", None, None, False, NotLetIn.HOST),
        ("localhost:4567", f"http://{HERE}", None, True, NotLetIn.HOST),
        ("127.1.2.3", None, None, False, NotLetIn.HOST),
        ("127.0.0.1:4567", None, None, False, NotLetIn.HOST),
        ("", None, None, False, NotLetIn.HOST),
        (HERE, None, None, True, NotLetIn.ORIGIN),
        (HERE, None, "same-origin", True, NotLetIn.ORIGIN),
        (HERE, "null", None, True, NotLetIn.ORIGIN),
        (HERE, "http://evil.example", None, True, NotLetIn.ORIGIN),
        (HERE, "http://evil.example", None, False, NotLetIn.ORIGIN),
        (HERE, f"https://{HERE}", None, True, NotLetIn.ORIGIN),
        (HERE, "http://127.1.2.3", None, True, NotLetIn.ORIGIN),
        (HERE, f"http://{HERE}.evil.example", None, True, NotLetIn.ORIGIN),
        (HERE, f"http://{HERE}", "same-site", True, NotLetIn.ORIGIN),
        (HERE, f"http://{HERE}", "cross-site", True, NotLetIn.ORIGIN),
    ],
)
def test_request_comes_from_our_own_page(
    door: BrowserSession,
    host: str,
    origin: str | None,
    site: str | None,
    changes: bool,
    refused: NotLetIn | None,
) -> None:
    """A wrong host name is refused, and so is a page of another site."""
    found = door.stranger(host=host, origin=origin, site=site, changes=changes)

    assert found is refused


@given(host=st.text(string.printable), origin=st.text(string.printable))
def test_no_other_page_changes_anything(host: str, origin: str) -> None:
    """Its own name for itself does not matter."""
    door = BrowserSession(SECRETS, authority=HERE)
    found = door.stranger(host=host, origin=origin, site=None, changes=True)

    assert found is not None or (host, origin) == (HERE, f"http://{HERE}")
