"""The issuer's commands, from staging to a stick."""

import json
from pathlib import Path

import pytest

from tests.cli.issuer.desk import Desk, desk
from tests.cli.issuer.holders import PASSPHRASE
from tests.cli.running import Terminal
from tests.issuing.offices import line_of
from uploadfilter.cli.issuer import passphrases

__all__ = ["desk"]


def test_from_a_file_to_a_stick_and_a_withdrawal(desk: Desk) -> None:
    """The whole way, as the officers go it."""
    file = desk.path / "in.jsonl"
    file.write_text("".join(line_of(f"p-{n}", n) + "\n" for n in range(20)))
    (desk.path / "ids").write_text("p-5\n")

    proposed = desk.shape("propose", str(file))
    assert (proposed["added"], proposed["categories"]) == (20, {"1": [0, 20]})
    left_out = ("left_out", "not_compared", "withdrawn")
    assert [proposed[it] for it in left_out] == [{}, {}, []]
    assert desk.type("publish", *desk.online()) == 2
    assert "'root' has 0 of 2 signatures" in desk.said()
    desk.publish()
    assert desk.type("propose", "--remove", str(desk.path / "ids")) == 0
    assert "1 entry is removed" in desk.printed()
    signed = desk.shape("sign", "--yes", *desk.key("eve"))
    assert signed["signed"] == ["hashset"]
    assert desk.type("sign", "--yes", *desk.key("eve")) == 2
    assert "somebody else has to sign" in desk.said()
    desk.type("sign", "--yes", *desk.key("dora"))
    assert desk.shape("publish", *desk.online())["sequence"] == 2
    assert desk.shape("withdraw", "p-1", "--yes", *desk.key("fay"), *desk.online()) == {
        "withdrawn": 1,
        "listed": 1,
    }
    assert desk.shape("publish", "--renew", *desk.online()) == {"sequence": 2}
    stick = desk.shape("export", str(desk.path / "stick"))
    assert stick["sequence"] == 2
    assert (desk.path / "stick" / "metadata" / "timestamp.json").is_file()
    desk.shape("export", str(desk.path / "all.jsonl"), "--lines")
    lines = (desk.path / "all.jsonl").read_text().splitlines()
    assert len([json.loads(line)["id"] for line in lines]) == 19


def test_only_what_is_there_is_taken_away(desk: Desk) -> None:
    """A file that was named by mistake stages nothing, and nothing of it is kept."""
    file, ids = desk.path / "in.jsonl", desk.path / "ids"
    file.write_text("".join(line_of(f"p-{n}", n) + "\n" for n in range(3)))
    desk.type("propose", str(file))
    ids.write_text("p-2\n")
    assert desk.shape("propose", "--remove", str(ids))["added"] == 2
    desk.type("propose", str(file))
    ids.write_text("four words of mine\n")
    assert desk.type("propose", "--remove", str(ids)) == 2
    assert "nothing was published yet" in desk.said()
    desk.publish()

    for text in ("four words of mine\n", "p-1\np-9\n", "p-1\nfour words of mine\n"):
        ids.write_text(text)
        assert desk.type("propose", "--remove", str(ids)) == 2
        assert "the set has no entry" in desk.said()
        assert desk.shape("status")["staged"] == {"added": 0, "deleted": 0}
    ids.write_text("\n \n")
    assert desk.type("propose", "--remove", str(ids)) == 2
    assert "has no ids" in desk.said()
    held = [it.read_bytes() for it in (desk.path / "o").rglob("*") if it.is_file()]
    assert not any(b"four words" in data for data in held)


def test_status_is_one_screen(desk: Desk) -> None:
    """The published set and its end, the holders, staged and proposed changes."""
    file = desk.path / "in.jsonl"
    file.write_text(line_of("a", 1) + "\n")
    desk.type("propose", str(file))
    desk.publish()

    assert desk.type("status") == 0
    out = desk.printed()
    assert "published: number 1 1 entry, 0 of them withdrawn" in out
    assert "1 more may be withdrawn today by one person" in out
    assert "needs 2 signatures of ann, bob, cid" in out
    status = desk.shape("status")
    assert [status[it] for it in ("entries", "withdrawn", "left_today")] == [1, 0, 1]
    assert status["holders"]["hashset"] == {"threshold": 2, "keys": "dora, eve"}


def test_nothing_is_done_without_being_asked_for(desk: Desk) -> None:
    """Off a terminal, signing and withdrawing need --yes."""
    file = desk.path / "in.jsonl"
    file.write_text(line_of("a", 1) + "\n")
    desk.type("propose", str(file))

    assert desk.type("sign", *desk.key("dora")) == 2
    assert "without a confirmation" in desk.said()
    assert desk.type("withdraw", "a", *desk.key("fay"), *desk.online()) == 2


def test_mistyped_id_is_said_before_anything_is_asked(desk: Desk) -> None:
    """At night nobody types two passphrases to be told that an id is wrong."""
    file = desk.path / "in.jsonl"
    file.write_text(line_of("a", 1) + "\n")
    desk.type("propose", str(file))
    desk.publish()

    assert desk.type("withdraw", "b", *desk.key("fay"), *desk.online()) == 2
    assert "the set has no entry 'b'" in desk.said()


def test_what_was_not_shown_is_not_signed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proposal that somebody makes anew while an officer types is not signed."""
    file = desk.path / "in.jsonl"
    file.write_text(line_of("a", 1) + "\n")
    desk.type("propose", str(file))
    file.write_text(line_of("b", 2) + "\n")

    def typed(*_: object, **__: object) -> str:
        assert desk.type("propose", str(file)) == 0
        return PASSPHRASE

    monkeypatch.setattr(passphrases, "read_passphrase", typed)

    assert desk.type("sign", "--yes", *desk.key("dora")) == 2
    assert "not the one that was shown" in desk.said()
    proposed = desk.shape("status")["proposed"]
    assert not any(item["signed_by"] for item in proposed)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("propose", "--clear", "--remove", "x"), "stands alone"),
        (("propose", "nothere"), "cannot read"),
        (("propose",), "nothing is staged"),
        (("export", "x"), "nothing was published"),
    ],
)
def test_what_cannot_be_done_is_said(
    desk: Desk, words: tuple[str, ...], said: str
) -> None:
    """Each error says what, and what to do next."""
    assert desk.type(*words) == 2
    assert said in desk.said()


def test_other_folder_is_none(tmp_path: Path, terminal: Terminal) -> None:
    """Outside of an issuer's folder the command says how one is made."""
    assert terminal.run("issuer", "status", "--folder", str(tmp_path)) == 2
    assert "issuer new" in terminal.read().err
