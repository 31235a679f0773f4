"""``issuer key --evidence`` and ``issuer open-evidence``."""

import json
from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines
from tests.issuing.offices import Office
from tests.sealing.rings import ID, TEXT
from uploadfilter.issuing import evidence
from uploadfilter.sealing.envelope import parse_recipient, seal


def test_key_is_made_and_opens_evidence_on_record(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the key to the text; the opening is on record, a failed one is not."""
    monkeypatch.setattr(evidence.made_evidence_key, "__kwdefaults__", {"cost": 1 << 10})
    folder = Office(tmp_path / "office").folder.path
    words = tmp_path / "words"
    words.write_text("four random words here")
    words.chmod(0o600)
    key = tmp_path / "unit7.key"
    made = ("key", str(key), "--name", "unit7", "--evidence", "--json")
    with_words = ("--passphrase-file", str(words))
    assert terminal.run("issuer", *made, *with_words) == 0
    (shape,) = json_lines(terminal.read().out)
    assert (tmp_path / "unit7.pub").read_text().strip() == shape["recipient"]
    assert terminal.run("issuer", *made, *with_words) == 2
    assert "exists already" in terminal.read().err

    file = tmp_path / f"{ID}.sealed"
    to = parse_recipient(shape["recipient"])
    file.write_bytes(seal(TEXT, [to], needed=1, decision=ID))
    opening = ("open-evidence", str(file), "--key", str(key), *with_words)
    rest = ("--folder", str(folder), "--reason")
    assert terminal.run("issuer", *opening, *rest, "case 2026/114") == 0
    (found,) = json_lines(terminal.read().out)
    assert found["evidence"] == json.loads(TEXT)
    line = json.loads((folder / evidence.RECORD).read_text())
    assert (line["decision"], line["reason"]) == (ID, "case 2026/114")
    assert (line["sha256"], line["keys"]) == (found["sha256"], ["unit7"])

    for reason, damage, said in (
        (" ", b"", "a reason has 1 to 500"),
        ("case", b"x", "is no sealed evidence"),
    ):
        file.write_bytes(file.read_bytes() + damage)
        assert terminal.run("issuer", *opening, *rest, reason) == 2
        assert said in " ".join(terminal.read().err.split())
    file.unlink()
    assert terminal.run("issuer", *opening, *rest, "case") == 2
    assert "cannot read" in terminal.read().err
    more = ("--passphrase-file", str(words))
    assert terminal.run("issuer", *opening, *more, *rest, "case") == 2
    assert "a passphrase for each" in " ".join(terminal.read().err.split())
    assert len((folder / evidence.RECORD).read_text().splitlines()) == 1
