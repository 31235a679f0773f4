"""The one place of the command line that writes into a reference set."""

import ast
from pathlib import Path

import pytest

from tests.reference.stores import ENTRY, put
from tests.repository import ROOT
from uploadfilter.cli.writing import compact_if_due, reference_writer

CLI = ROOT / "uploadfilter" / "cli"


def test_writers_are_had_in_one_place_only() -> None:
    """A command that opens a writer directly would write as root."""
    found = {
        path.name
        for path in CLI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "writer"
        and ast.unparse(node) != "csv.writer"
    }

    assert found == {"writing.py"}, "use cli/writing.py"


def test_base_that_cannot_be_written_leaves_the_change(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The removal is in force, whatever becomes of the room on the disk."""
    with reference_writer(tmp_path, create=True) as writer:
        put(writer, "s", [ENTRY])
        assert writer.compact()
        compact_if_due(writer)
        assert not capfd.readouterr().err
        data = tmp_path / f"reference/bases/{writer.number}/data.mdb"
        writer.remove_set("s")
        whole = bytearray(data.read_bytes())
        whole[-8] ^= 1
        data.chmod(0o600)
        data.write_bytes(whole)
        before = writer.number
        compact_if_due(writer)

        assert "the old base stays" in capfd.readouterr().err
        assert (writer.number, writer.sets) == (before, ())
