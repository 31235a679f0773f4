"""The repository as the house and docs tests see it: its files, modules and pages.

Rules this module keeps: it reads files and judges nothing; build output and
environments are not part of the repository.
"""

import ast
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "uploadfilter"
TESTS = ROOT / "tests"
OPERATING = ROOT / "docs" / "operating"
GLOSSARY = ROOT / "docs" / "glossary.md"

_NOT_OURS = frozenset(
    {".git", ".venv", ".demo", ".hypothesis", "build", "dist", "htmlcov", "__pycache__"}
)
"""Folders that git ignores; caches of tools are found by their names' end."""

_HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$")
_FENCE = re.compile(r"^\s*```")


def files(root: Path = ROOT) -> Iterator[Path]:
    """Yield every file of the repository, in a fixed order."""
    for path in sorted(root.iterdir()):
        if path.name in _NOT_OURS or path.name.endswith(("_cache", ".egg-info")):
            continue
        if path.is_dir():
            yield from files(path)
        elif not path.name.startswith(".coverage"):
            yield path


def python_files() -> list[Path]:
    """Return every Python file of the repository."""
    return [path for path in files() if path.suffix == ".py"]


def package_modules() -> list[Path]:
    """Return every module of the package, ``__init__`` files included."""
    return [path for path in python_files() if path.is_relative_to(PACKAGE)]


def pages() -> list[Path]:
    """Return every Markdown page of the repository."""
    return [path for path in files() if path.suffix == ".md"]


def name_of(path: Path) -> str:
    """Return a path as people write it, relative to the repository."""
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


def prose_lines(page: Path) -> Iterator[str]:
    """Yield the lines of a page outside of its fenced code."""
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield line


def code_lines(page: Path, language: str) -> Iterator[str]:
    """Yield the lines of a page's fenced code in one language."""
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            inside = line.strip() == f"```{language}"
        elif inside:
            yield line


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as GitHub makes them."""
    found: set[str] = set()
    for line in prose_lines(page):
        if heading := _HEADING.match(line):
            text = re.sub(r"[^\w\- ]", "", heading[2].lower())
            found.add(text.replace(" ", "-"))
    return found


def section(page: Path, title: str) -> str:
    """Return the text of a section, with its subsections.

    Args:
        page: A Markdown page.
        title: The heading's text, without backquotes.

    Raises:
        LookupError: The page has no such heading.
    """
    lines: list[str] = []
    depth = 0
    for line in prose_lines(page):
        heading = _HEADING.match(line)
        if depth and heading and len(heading[1]) <= depth:
            break
        if depth:
            lines.append(line)
        elif heading and heading[2].replace("`", "") == title:
            depth = len(heading[1])
    if not depth:
        raise LookupError(f"{name_of(page)} has no section {title!r}")
    return "\n".join(lines)


def operating(title: str) -> str:
    """Return the text of a section of the operators' pages, on whichever page it is.

    Args:
        title: The heading's text, without backquotes.

    Raises:
        LookupError: No page, or more than one, has such a heading.
    """
    found = []
    for page in sorted(OPERATING.glob("*.md")):
        with contextlib.suppress(LookupError):
            found.append(section(page, title))
    if len(found) != 1:
        raise LookupError(f"{len(found)} pages of docs/operating have {title!r}")
    return found[0]


def first_cells(text: str) -> set[str]:
    """Return the words in backquotes in the first column of a text's tables."""
    rows = (line for line in text.splitlines() if line.startswith("|"))
    return {
        word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
