"""``hashset tripwire`` and ``restore``."""

from pathlib import Path

import pytest

from tests.cli.running import json_lines, run
from tests.decisions.test_tripping import demotion
from uploadfilter.proxy.inspecting.tripwire import changing, read_demotions
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory


def test_from_demotion_to_restoration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Demoted entries are listed, with exit code 1; two people restore one."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    with ReferenceDirectory(tmp_path / REFERENCE_DIRECTORY).writer(create=True):
        pass
    assert run(monkeypatch, "hashset", "tripwire") == 0
    with changing(tmp_path) as change:
        change.demotions = change.demotions.with_demoted(demotion(1_795_608_000))
    capfd.readouterr()
    assert run(monkeypatch, "hashset", "tripwire") == 1
    assert "p-1" in capfd.readouterr().out
    assert run(monkeypatch, "hashset", "status") == 1
    capfd.readouterr()
    alone = ("hashset", "restore", "unit7", "p-1", "--by", "ab")
    for by in ((), ("--by", "AB"), ("--by", "x@y")):
        assert run(monkeypatch, *alone, *by, "--reason", "right", "--yes") == 2
    restore = (*alone, "--by", "cd")
    for wrong in ("", "two\nlines", "a@b"):
        assert run(monkeypatch, *restore, "--reason", wrong, "--yes") == 2
    assert run(monkeypatch, *restore, "--reason", "right") == 2  # nobody to ask
    assert read_demotions(tmp_path).demoted
    capfd.readouterr()
    assert run(monkeypatch, *restore, "--reason", "right", "--yes") == 0
    assert "rejects again within seconds" in capfd.readouterr().err
    assert run(monkeypatch, *restore, "--reason", "right", "--yes") == 0
    assert "was not demoted" in capfd.readouterr().err
    assert run(monkeypatch, "hashset", "tripwire", "--json") == 0
    (shape,) = json_lines(capfd.readouterr().out)
    assert shape["demoted"] == []
    assert [it["by"] for it in shape["restored"]] == [["ab", "cd"]]
