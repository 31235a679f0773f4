"""`.ci/run` installs each Debian package that a test asks for."""

import ast
import re
from collections.abc import Iterator

from tests.repository import ROOT, TESTS

ESSENTIAL = frozenset({"dpkg", "util-linux"})
"""Packages that each Debian has: dpkg marks them as essential."""


def test_each_package_that_a_test_needs_is_installed() -> None:
    """A machine that has them anyway would hide what a fresh one lacks."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("\\\n", " ")
    lists = re.findall(r"apt-get install -y .*--no-install-recommends(.*)", script)
    installed = ESSENTIAL.union(*(names.split() for names in lists))
    needed = {
        package
        for path in TESTS.rglob("*.py")
        for package in _packages(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {"chromium", "php-mysql", "prometheus"} <= needed
    assert needed <= installed


def _packages(module: ast.Module) -> Iterator[str]:
    """Yield the packages that calls of ``debian`` and ``missing`` name."""
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            words = {
                word.arg: word.value.value
                for word in call.keywords
                if isinstance(word.value, ast.Constant)
            }
            if call.func.id in {"debian", "_debian"} and "package" in words:
                yield str(words["package"])
            elif call.func.id == "missing":
                cure = re.fullmatch(r"apt: (.*)", str(words.get("cure")))
                yield from cure[1].split() if cure else ()
