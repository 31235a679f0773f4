"""The account that runs a command, for the record of changes."""

import os
import pwd

import pytest

from uploadfilter.acting import Actor, current_actor


def test_actor_is_who_runs_this(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account of the process, and who called ``sudo`` if somebody did."""
    monkeypatch.setenv("SUDO_USER", "alice")
    actor = current_actor()

    assert actor.uid == os.getuid()
    assert actor.user == pwd.getpwuid(os.getuid()).pw_name
    assert actor.sudo_user == "alice"


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m"])
def test_name_that_cannot_be_one_is_left_out(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An environment may hold anything; a record holds names."""
    monkeypatch.setenv("SUDO_USER", name)

    assert current_actor().sudo_user is None


def test_long_name_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is bounded."""
    monkeypatch.setenv("SUDO_USER", "a" * 1000)

    assert current_actor().sudo_user == "a" * 64


def test_unknown_account_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container an account may have no name."""
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    actor = current_actor()

    assert (actor.uid, actor.user) == (4_000_000_000, None)
    assert isinstance(actor, Actor)
