"""The one place of the command line that writes into a reference set."""

import ast

from tests.repository import ROOT

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
