"""Links of the documents, and whether they resolve."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.repository import anchors, prose_lines

_LINK = re.compile(r"\]\(([^)\s]+)\)|\[[^\]]+\]: (\S+)")


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links into the repository."""
    for found in _LINK.finditer("\n".join(prose_lines(page))):
        target = found[1] or found[2]
        if not re.match(r"[a-z]+:", target):
            yield target


def resolves(page: Path, target: str) -> bool:
    """Return whether a link's file, and its heading if it names one, exist."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return False
    return not anchor or anchor in anchors(file)


def defined(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name
        case _:
            pass
