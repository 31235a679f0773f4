"""The rules of the house that no other tool checks."""

import ast
import re
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.repository import (
    PACKAGE,
    ROOT,
    TESTS,
    files,
    name_of,
    package_modules,
    parse,
    python_files,
)

MODULE_LINES = 500
MOST_PARAMETERS = 9
TEST_MODULE_LINES = 800
EXAMPLE = re.compile(r"^ *>>> .*\n(?: *\S.*\n)*\n", re.MULTILINE)
"""An example in a docstring, with what it prints and the blank line after it."""
"""Tests are read one at a time, and a subject's tests stand together."""

FUNCTION_LINES = 50
USUAL_FUNCTION_LINES = 10

TESTED_ELSEWHERE = {
    "uploadfilter/web/answering/answer.py": ("tests/web/answering/test_answers.py"),
    "uploadfilter/__main__.py": "tests/proxy/test_faults.py",
    "uploadfilter/cli/__init__.py": "tests/cli/test_main.py",
    "uploadfilter/cli/documents.py": "tests/cli/test_schemas.py",
    "uploadfilter/cli/hashset/listing.py": "tests/cli/hashset/test_signed.py",
    "uploadfilter/cli/hashset/sets.py": "tests/cli/hashset/test_signed.py",
    "uploadfilter/config/__init__.py": "tests/config/test_loading.py",
    "uploadfilter/config/circles.py": "tests/config/test_loading.py",
    "uploadfilter/config/plain.py": "tests/config/test_loading.py",
    "uploadfilter/config/schema.py": "tests/test_docs.py",
    "uploadfilter/config/settings.py": "tests/config/test_loading.py",
    "uploadfilter/config/sources.py": "tests/config/test_loading.py",
    "uploadfilter/config/values.py": "tests/config/test_loading.py",
    "uploadfilter/doors/lookups.py": "tests/doors/test_scanapi.py",
    "uploadfilter/doors/openapi.py": "tests/doors/test_scanapi.py",
    "uploadfilter/doors/outcomes.py": "tests/doors/test_asking.py",
    "uploadfilter/service/doors.py": "tests/doors/test_scanapi.py",
    "uploadfilter/hashsets/foreign/form.py": "tests/hashsets/foreign/test_foreign.py",
    "uploadfilter/decisions/files/appending.py": "tests/decisions/files/test_log.py",
    "uploadfilter/decisions/judgement.py": "tests/decisions/test_policy.py",
    "uploadfilter/decisions/records/base.py": "tests/decisions/records/test_records.py",
    "uploadfilter/decisions/records/chain.py": "tests/decisions/files/test_log.py",
    "uploadfilter/decisions/records/lasting.py": (
        "tests/decisions/records/test_totals.py"
    ),
    "uploadfilter/decisions/records/making.py": (
        "tests/decisions/records/test_records.py"
    ),
    "uploadfilter/decisions/records/numbering.py": (
        "tests/decisions/records/test_records.py"
    ),
    "uploadfilter/decisions/files/segments.py": "tests/decisions/files/test_reading.py",
    "uploadfilter/decisions/records/sequence.py": (
        "tests/decisions/files/test_verify.py"
    ),
    "uploadfilter/decisions/files/settings.py": "tests/decisions/files/test_log.py",
    "uploadfilter/decisions/records/summaries.py": (
        "tests/decisions/records/test_flooding.py"
    ),
    "uploadfilter/decisions/files/waiting.py": "tests/decisions/files/test_log.py",
    "uploadfilter/decisions/files/totalling.py": (
        "tests/decisions/records/test_totals.py"
    ),
    "uploadfilter/issuing/acts.py": "tests/issuing/page/test_desk.py",
    "uploadfilter/issuing/page/orders.py": "tests/issuing/page/test_desk.py",
    "uploadfilter/issuing/page/rendering.py": "tests/issuing/page/test_desk.py",
    "uploadfilter/proxy/assembling/contents.py": (
        "tests/proxy/assembling/test_engine.py"
    ),
    "uploadfilter/proxy/assembling/protocols.py": (
        "tests/proxy/assembling/test_engine.py"
    ),
    "uploadfilter/proxy/assembling/receiving.py": (
        "tests/proxy/assembling/test_engine.py"
    ),
    "uploadfilter/uploads/assembly/nextcloudpaths.py": (
        "tests/uploads/assembly/test_nextcloud.py"
    ),
    "uploadfilter/uploads/assembly/s3lists.py": "tests/uploads/assembly/test_s3.py",
    "uploadfilter/uploads/assembly/steps.py": "tests/proxy/assembling/test_engine.py",
    "uploadfilter/uploads/assembly/tuswords.py": "tests/uploads/assembly/test_tus.py",
    "uploadfilter/forms/asking.py": "tests/service/test_forms.py",
    "uploadfilter/forms/cases.py": "tests/forms/test_store.py",
    "uploadfilter/forms/deciding.py": "tests/forms/test_watching.py",
    "uploadfilter/forms/figures.py": "tests/forms/test_objectionform.py",
    "uploadfilter/forms/finding.py": "tests/forms/test_watching.py",
    "uploadfilter/proxy/assembling/slicecontents.py": (
        "tests/proxy/assembling/test_webforms.py"
    ),
    "uploadfilter/proxy/assembling/sliceforms.py": (
        "tests/proxy/assembling/test_webforms.py"
    ),
    "uploadfilter/web/origins/failing.py": "tests/web/origins/test_origin.py",
    "uploadfilter/web/requests/clientkeys.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/web/origins/settings.py": "tests/web/origins/test_origin.py",
    "uploadfilter/web/requests/arrival.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/web/requests/draining.py": "tests/proxy/test_faults.py",
    "uploadfilter/web/clients/connections.py": "tests/web/clients/test_silent.py",
    "uploadfilter/web/clients/listening.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/web/counting/definitions.py": ("tests/web/counting/test_metrics.py"),
    "uploadfilter/web/counting/labels.py": "tests/web/counting/test_metrics.py",
    "uploadfilter/uploads/head/clientside.py": "tests/uploads/head/test_forwarding.py",
    "uploadfilter/uploads/head/signs.py": "tests/uploads/head/test_pieces.py",
    "uploadfilter/proxy/handling/composing.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/inspection/commands.py": ("tests/inspection/test_inspection.py"),
    "uploadfilter/inspection/unheld.py": "tests/proxy/test_routed.py",
    "uploadfilter/inspection/afterwards.py": ("tests/inspection/test_searching.py"),
    **{
        f"uploadfilter/copies/{name}.py": "tests/inspection/test_searching.py"
        for name in ("child", "process", "queue", "wire")
    },
    "uploadfilter/inspection/driver.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/inspection/forwarding.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/inspection/recording.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/inspection/upload.py": "tests/proxy/handling/test_proxy.py",
    "uploadfilter/reporting/gathered.py": "tests/reporting/test_gathering.py",
    "uploadfilter/reporting/page/charts.py": "tests/reporting/page/test_rendering.py",
    "uploadfilter/reporting/page/numbers.py": "tests/reporting/test_verifying.py",
    "uploadfilter/reporting/page/layout.py": "tests/reporting/page/test_rendering.py",
    "uploadfilter/reporting/sql.py": "tests/reporting/test_counting.py",
    "uploadfilter/reporting/standing.py": "tests/reporting/test_gathering.py",
    "uploadfilter/reference/writing/carrying.py": (
        "tests/reference/writing/test_writing.py"
    ),
    "uploadfilter/reference/writing/describing.py": (
        "tests/reference/files/test_journal.py"
    ),
    "uploadfilter/pictures/frame.py": "tests/pictures/test_decoding.py",
    "uploadfilter/pictures/headers/pieces.py": "tests/pictures/test_reader.py",
}
"""Modules that are the inside of a larger part, and the tests of that part."""

CATCHES_EVERYTHING = {
    "uploadfilter/cli/__init__.py": "command-line main",
    "uploadfilter/doors/clamd.py": "request handler without HTTP",
    "uploadfilter/extras.py": "packages of others that may be broken",
    "uploadfilter/inspection/driver.py": "request handler",
    "uploadfilter/inspection/searching.py": "judgement beside the search",
    "uploadfilter/scanners/inside/serving.py": "scanner main",
}
"""The outermost boundaries, where an unforeseen error must be turned into an end."""

NOT_OUR_WORDS = {
    "backend": "origin",
    "blacklist": "hash set",
    "blocklist": "hash set",
    "database": "reference set",
    "fingerprint": "signal",
    "fuzzy": "perceptual",
    "hit": "match",
    "hits": "matches",
    "ruleset": "policy",
    "similarity": "distance",
    "snapshot": "generation",
    "takedown": "revocation",
    "upstream": "origin",
    "vendor": "issuer",
    "whitelist": "exclusion",
}
"""Words of others, and ours for the same thing (docs/glossary.md)."""

PICTURE_SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".png",
        ".gif",
        ".webp",
        ".avif",
        ".heic",
        ".jxl",
        ".bmp",
        ".tiff",
    }
)

OF_OUR_PAGES = ROOT / "docs" / "pictures"
"""Pictures of what people see of the program, made by its own tests."""

OF_OUR_PAGES_BYTES = 150_000

MACHINE_PATH = re.compile(r"(?<![\w./:])/(?:work|home|root|Users|mnt)/\w")
"""A path that exists on one machine only."""


Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What the rules are about in a module: to parse all takes seconds, once.

    Attributes:
        path: Its file.
        functions: Name, lines of body and parameters of each function, nested ones and
            methods included.
        names: Every name that it gives to something itself.
        from_tests: Lines that import a test.
        has_catcher: Whether it turns unforeseen exceptions into an end.
    """

    path: Path
    functions: tuple[tuple[str, int, int], ...]
    names: frozenset[str]
    from_tests: tuple[int, ...]
    has_catcher: bool


@cache
def modules() -> tuple[Module, ...]:
    """Return the modules of the whole repository."""
    return tuple(map(module_of, python_files()))


def module_of(path: Path) -> Module:
    """Return what the rules are about in one module."""
    nodes = [*ast.walk(parse(path))]
    return Module(
        path=path,
        functions=tuple(
            (node.name, body_lines(node), parameters(node))
            for node in nodes
            if isinstance(node, Function)
        ),
        names=frozenset(defined_names(nodes)),
        from_tests=tuple(
            node.lineno
            for node in nodes
            if isinstance(node, ast.ImportFrom)
            if (node.module or "").startswith("tests.")
            if re.search(r"\btest_", ast.unparse(node))
        ),
        has_catcher=any(
            catches_everything(node) and not raises_again(node)
            for node in nodes
            if isinstance(node, ast.ExceptHandler)
        ),
    )


def parameters(function: Function) -> int:
    """Return how many parameters a function has, besides the object or class."""
    names = {it.arg for it in (*function.args.args, *function.args.kwonlyargs)}
    return len(names - {"self", "cls"})


def is_of_package(module: Module) -> bool:
    """Return whether a module is one of the package's."""
    return module.path.is_relative_to(PACKAGE)


def body_lines(function: Function) -> int:
    """Return how many lines a function's body has without its docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def defined_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield every name that a module itself gives to something."""
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case _:
                pass


def words(identifier: str) -> list[str]:
    """Split an identifier into its words, in small letters."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier)
    return spaced.lower().strip("_").split("_")


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler catches unforeseen exceptions."""
    kind = handler.type and ast.unparse(handler.type)
    return kind in {None, "Exception", "BaseException"}


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler only cleans up: it ends with a bare ``raise``."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def mirror(module: Path) -> Path:
    """Return where the tests of a module belong."""
    relative = module.relative_to(PACKAGE)
    return TESTS / relative.parent / f"test_{relative.name}"


def holds_code(module: Path) -> bool:
    """Return whether a module is more than a docstring."""
    return len(parse(module).body) > 1


_MERGE_MARK = re.compile(r"(?:<{7}|>{7}) .*")


def test_each_module_has_its_tests() -> None:
    """The tests of ``uploadfilter/a/b.py`` stand in ``tests/a/test_b.py``."""
    missing = [
        name_of(module)
        for module in package_modules()
        if name_of(module) not in TESTED_ELSEWHERE
        and holds_code(module)
        and not mirror(module).is_file()
    ]

    assert missing == []


@pytest.mark.parametrize(("module", "tests"), list(TESTED_ELSEWHERE.items()))
def test_exceptions_from_the_mirror_are_still_needed(module: str, tests: str) -> None:
    """A module tested elsewhere exists, is tested there, and has no own test."""
    assert (ROOT / module).is_file()
    assert (ROOT / tests).is_file()
    assert not mirror(ROOT / module).is_file()


def test_folders_that_make_test_ignores_hold_only_marked_modules() -> None:
    """A test there that lacks the mark would be run by no target."""
    ignored = re.findall(r"--ignore=(\S+)", (ROOT / "Makefile").read_text("utf-8"))
    marked = re.compile(r"^pytestmark = (?:\[\s*)?pytest\.mark\.e2e\b", re.MULTILINE)
    unmarked = [
        name_of(path)
        for folder in ignored
        for path in (ROOT / folder).rglob("test_*.py")
        if not marked.search(path.read_text("utf-8"))
    ]

    assert ignored == ["tests/e2e", "tests/sites"]
    assert unmarked == []


def test_no_test_is_imported() -> None:
    """What several tests need is in a module of its own, so that a test can change."""
    found = [
        f"{name_of(module.path)}:{line}"
        for module in modules()
        for line in module.from_tests
    ]

    assert found == []


def test_modules_are_short() -> None:
    """No module is longer than a reader can keep in mind, examples aside."""
    long = {}
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        examples = sum(it.count("\n") for it in EXAMPLE.findall(text))
        lines = len(text.splitlines()) - examples
        limit = TEST_MODULE_LINES if path.is_relative_to(TESTS) else MODULE_LINES
        if lines > limit:
            long[name_of(path)] = lines

    assert long == {}


def test_functions_are_short() -> None:
    """No function has more than 50 lines of body without its docstring."""
    long = {
        f"{name_of(module.path)}:{name}": lines
        for module in modules()
        for name, lines, _ in module.functions
        if lines > FUNCTION_LINES
    }

    assert long == {}


def test_functions_on_the_way_of_an_upload_take_few_parameters() -> None:
    """What belongs together goes from hand to hand as one value."""
    rooms = {"copies", "decisions", "doors", "evidence", "proxy", "scanners", "uploads"}
    rooms |= {"cli"}
    many = {
        f"{name_of(module.path)}:{name}": count
        for module in modules()
        if is_of_package(module) and module.path.relative_to(ROOT).parts[1] in rooms
        for name, _, count in module.functions
        if count > MOST_PARAMETERS and name != "__init__"
    }

    assert many == {}


def test_functions_of_the_package_are_usually_very_short() -> None:
    """Half of the package's functions have at most ten lines of body."""
    lengths = [
        lines
        for module in filter(is_of_package, modules())
        for _, lines, _ in module.functions
    ]

    assert statistics.median(lengths) <= USUAL_FUNCTION_LINES


def test_names_are_words_of_the_glossary() -> None:
    """No name in the code uses another word for a thing that the glossary names."""
    wrong = sorted(
        f"{name_of(module.path)}: {name} (we say {NOT_OUR_WORDS[word]})"
        for module in modules()
        for name in module.names
        for word in words(name)
        if word in NOT_OUR_WORDS
    )

    assert wrong == []


def test_only_boundaries_catch_everything() -> None:
    """``except Exception`` stands at the outermost boundaries only, or raises again."""
    catchers = {
        name_of(module.path)
        for module in filter(is_of_package, modules())
        if module.has_catcher
    }

    assert catchers == CATCHES_EVERYTHING.keys()


def test_repository_holds_no_picture_but_of_our_pages() -> None:
    """Pictures are generated in code; only pictures of pages are kept."""
    kept = [path for path in files() if path.suffix in PICTURE_SUFFIXES]

    assert [name_of(path) for path in kept if path.parent != OF_OUR_PAGES] == []
    assert [name_of(p) for p in kept if p.stat().st_size > OF_OUR_PAGES_BYTES] == []


def test_no_merge_was_left_half_done() -> None:
    """No text holds the marks that git leaves where two changes meet."""
    marked = [
        f"{name_of(path)}:{number}"
        for path in files()
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        )
        if _MERGE_MARK.fullmatch(line)
    ]

    assert marked == []


def test_repository_names_no_path_of_a_machine() -> None:
    """Nothing in the repository depends on where somebody keeps it."""
    naming = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if MACHINE_PATH.search(text):
            naming.append(name_of(path))

    assert naming == []


@pytest.mark.parametrize(
    ("page", "limit"), [("CONTRIBUTING.md", 200), ("AGENTS.md", 30), ("README.md", 150)]
)
def test_first_pages_are_short(page: str, limit: int) -> None:
    """The first page that people read is short enough to be read to its end."""
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= limit


def test_test_folders_are_packages() -> None:
    """Every folder with tests has an ``__init__.py``, so that names cannot collide."""
    folders = {path.parent for path in python_files() if path.is_relative_to(TESTS)}

    assert [
        name_of(f) for f in sorted(folders) if not (f / "__init__.py").is_file()
    ] == []


def test_wheel_holds_the_package_and_its_pages_only(tmp_path: Path) -> None:
    """The installed package is ``uploadfilter``, with types, pages and corpus."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(  # noqa: S603 - our own build
        [*build, "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    # Manual pages and completions are there if `make wheel` has written them.
    beside = re.compile(r"uploadfilter-[^/]+\.(dist-info|data/data/share)/")
    names = {name for name in names if not beside.match(name)}
    wanted = {
        name_of(path)
        for path in files(PACKAGE)
        if path.suffix
        in {".py", ".html", ".toml", ".css", ".js", ".sql", ".svg", ".corpus"}
        or path.name == "py.typed"
    }

    assert names == wanted
    assert "uploadfilter/py.typed" in names
    assert "uploadfilter/web/answering/pages/answer.html" in names
