"""``uploadfilter lookback scan | match``, with real scanners and a real folder."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Terminal, json_lines
from tests.corpus import pictures
from tests.lookback.stores import made_scan, secret_of, store_of
from tests.pictures.sketches import decoded
from tests.proxy.site import entry, list_entries, sha256
from uploadfilter.model import Signal, SignalType
from uploadfilter.signals import views


def test_from_scan_to_report(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matches are those of ``scan``; later scans and each form of the report."""
    folder, store, state = tmp_path / "in", str(tmp_path / "out"), tmp_path / "state"
    (folder / "sub").mkdir(parents=True)
    listed = pictures.jpeg(pictures.photograph(1, width=120, height=90))
    (folder / "sub" / "=a.jpg").write_bytes(listed)
    (folder / "b.jpg").write_bytes(
        pictures.jpeg(pictures.photograph(1, width=120, height=90), quality=60)
    )
    (folder / "c.txt").write_text("a text")
    list_entries(state, [entry(1, sha256(listed))])
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(state))

    def call(*words: str) -> tuple[int, str, str]:
        code = terminal.run(*words)
        said = terminal.read()
        return code, said.out, said.err

    scan = ("lookback", "scan", str(folder), "-o", store, "--jobs", "1", "--json")
    code, out, _ = call(*scan, "--perceptual", "--rate", "100", "--file-rate", "1000")
    assert (code, json.loads(out)["scanned"]) == (0, 3)
    code, out, _ = call(*scan, "--perceptual")
    assert (code, json.loads(out)["known"]) == (0, 3)
    code, _, err = call(*scan)
    assert (code, "another perceptual types" in " ".join(err.split())) == (2, True)

    code, out, err = call("lookback", "match", store)
    assert code == 1
    assert "MATCH sub/=a.jpg" in out
    assert "3 files: 1 matched, 0 could not be checked, 2 without" in err
    shown = views.view_of(
        decoded(listed), name="stored", types=frozenset({SignalType.PDQ})
    )
    near = Signal(type=SignalType.PDQ, value=shown.rows[0].values[:32])
    list_entries(state, [entry(1, sha256(listed)), entry(2, near)])
    code, out, _ = call("lookback", "match", store, "--format", "json")
    found = {it["path"]: it for it in json_lines(out)}
    assert sorted(found) == ["b.jpg", "sub/=a.jpg"]
    _, out, _ = call("scan", "--json", "--jobs", "1", str(folder))
    for straight in json_lines(out):
        it = found.get(str(Path(straight["path"]).relative_to(folder)))
        assert _distances(it["matches"] if it else []) == _distances(
            straight["matches"]
        )
    code, out, _ = call("lookback", "match", store, "--format", "csv", "--pdq", "0")
    rows = list(csv.DictReader(out.splitlines()))
    assert {it["path"] for it in rows} >= {"sub/=a.jpg"}
    assert all(it["distance"] == "0" for it in rows)


def test_store_without_perceptual_values_is_not_enough(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the operator says so: then only exact copies are asked for."""
    value = Signal(type=SignalType.PDQ, value=bytes(32))
    list_entries(tmp_path / "state", [entry(1, value)])
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    bare = str(tmp_path / "bare")
    store_of(tmp_path / "bare", [made_scan(1)], secret_of(tmp_path / "state"), ())
    assert terminal.run("lookback", "match", bare) == 1
    assert "lacks them: pdq" in " ".join(terminal.read().err.split())
    assert terminal.run("lookback", "match", bare, "--exact-only") == 0
    list_entries(tmp_path / "other", [])
    other = ("--state", str(tmp_path / "other"))
    assert terminal.run("lookback", "match", bare, *other) == 2
    assert "of another reference set" in " ".join(terminal.read().err.split())


def _distances(matches: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {(it["entry"], it["distance"], it["view"]) for it in matches}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("scan", "MISSING", "-o", "x"), "is not a folder"),
        (("scan", ".", "-o", "x", "--engine", "dask"), "need each other"),
        (("scan", ".", "-o", "x", "--scheduler", "tcp://a:1"), "need each other"),
        (("match", "."), "is not a store"),
    ],
)
def test_unusable_words_are_refused(
    tmp_path: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    """Wrong use ends with 2, and makes no claim about any file."""
    list_entries(tmp_path / "state", [])
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    assert terminal.run("lookback", *words) == 2
    assert said in " ".join(terminal.read().err.split())
