"""The documents agree with the code, and with each other."""

import ast
import dataclasses
import re
import shlex
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
import typer.core

from deploy.documents import conf, keys
from tests.pages import defined, links, resolves
from tests.repository import (
    GLOSSARY,
    ROOT,
    code_lines,
    files,
    first_cells,
    name_of,
    operating,
    package_modules,
    pages,
    parse,
    prose_lines,
    section,
)
from uploadfilter import config, errors, model
from uploadfilter.cli import options as options_of_cli
from uploadfilter.cli import whole_program
from uploadfilter.config import schema
from uploadfilter.decisions.records import base, lasting, records, summaries

ENUMS = {
    "Preset": model.Preset,
    "Signal type": model.SignalType,
    "Geometry": model.Geometry,
    "Variant": model.Variant,
    "Entry state": model.EntryState,
    "Match kind": model.MatchKind,
    "Mode": model.Mode,
    "Verdict": model.Verdict,
    "Action and effect": model.Action,
}
"""Sections of the glossary, and the enum whose values each of them explains."""

RECORDS = ROOT / "docs" / "records.md"
"""The page that explains each record to the overseer."""

KEYS = frozenset(config.keys())
"""Every key that the configuration file may hold."""

MADE = {"workers": "the number of CPUs"}
"""Defaults that depend on the machine, in words."""

_MAKE = re.compile(r"\bmake ([a-z][a-z0-9-]*)")
_TARGET = re.compile(r"^([a-z0-9-]+):", re.MULTILINE)
_ADR = re.compile(r"(\d{4})-[a-z0-9-]+\.md")


def commands(
    group: object, name: str = "uploadfilter"
) -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Yield every command of the program that does something, with its full name."""
    match group:
        case typer.core.TyperGroup():
            for word, command in sorted(group.commands.items()):
                yield from commands(command, f"{name} {word}")
        case typer.core.TyperCommand():
            yield name, group
        case _:
            raise TypeError(f"not a command: {group!r}")


COMMANDS = dict(commands(whole_program()))


def options(command: typer.core.TyperCommand) -> set[str]:
    """Return the long names of a command's options, ``--help`` aside."""
    return {
        name
        for parameter in command.params
        if isinstance(parameter, typer.core.TyperOption)
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--") and name != "--help"
    }


def codes(base: type[errors.UploadFilterError]) -> set[str]:
    """Return the codes of an error class and of all below it."""
    return {base.code}.union(*(codes(below) for below in base.__subclasses__()))


def default_of(field: "dataclasses.Field[object]") -> str:
    """Write the default of a setting, or that it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return str(field.default_factory())
    if field.default is dataclasses.MISSING:
        return "required"
    return shown(field.name, field.default)


def shown(name: str, value: object) -> str:
    """Write the default of a setting as ``docs/operating/keys.md`` shows it."""
    match value:
        case StrEnum():
            return value.value.lower()
        case bool():
            return str(value).lower()
        case tuple():
            return str(list(value))
        case int() if "bytes" in name or name.endswith("address_space"):
            return size(value)
        case int() | float():
            return f"{value:,g}" if isinstance(value, float) else f"{value:,}"
        case _:
            return str(value)


def size(value: int) -> str:
    """Write a number of bytes with the largest unit that it is a multiple of."""
    for unit, bytes_each in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value and value % bytes_each == 0:
            return f"{value // bytes_each} {unit}"
    return f"{value:,}"


def defaults_shown(text: str) -> dict[str, str]:
    """Return what the second column of a settings table says of each key."""
    rows = (line.split("|") for line in text.splitlines() if line.startswith("| `"))
    return {row[1].strip().strip("`"): row[2].strip().strip("`") for row in rows}


def events() -> Iterator[str]:
    """Yield the events that the package writes to the operational log."""
    for module in package_modules():
        for node in ast.walk(parse(module)):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Name(id="log") | ast.Attribute(attr="_log"),
                        attr="info" | "warning" | "error" | "exception",
                    ),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event
                case ast.Call(
                    func=ast.Attribute(attr="fail"),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event
                case _:
                    pass


MOST_WORDS_IN_ALL = 79_400
"""The aim is 70,000; a page that grows makes another one shrink. Lower it with them."""


def adr_files() -> list[Path]:
    """Return every decision record."""
    folder = ROOT / "docs" / "decisions"
    return sorted(path for path in folder.iterdir() if _ADR.fullmatch(path.name))


def test_each_reason_is_explained_to_operators() -> None:
    """The operators' pages have a row for every reason, and for nothing else."""
    assert first_cells(operating("Reasons")) == {r.value for r in model.Reason}


def test_each_error_code_is_explained_to_operators() -> None:
    """The operators' pages have a row for every error code, and no other."""
    explained = first_cells(operating("Error codes"))

    assert explained == codes(errors.UploadFilterError)


def test_each_event_is_explained_to_operators() -> None:
    """Each event of the operational log has a row, and there are no other rows."""
    explained = first_cells(operating("The operational log"))

    assert explained == set(events())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_is_explained_with_options_that_it_has(name: str) -> None:
    """A command has a section, which names no option that ``--help`` does not list."""
    named = set(re.findall(r"--[a-z][a-z0-9-]+", operating(name))) - {"--help"}

    assert named <= options(COMMANDS[name])


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Every record", base.BaseRecord),
        ("decision", records.DecisionRecord),
        ("Contents", records.ContentRecord),
        ("Matches", records.MatchRecord),
        ("outcome", records.OutcomeRecord),
        ("copy", records.CopyRecord),
        ("unsearched", records.UnsearchedRecord),
        ("shed", records.ShedRecord),
        ("summary", summaries.SummaryRecord),
        ("segment", records.SegmentRecord),
        ("checkpoint", records.CheckpointRecord),
        ("change", lasting.ChangeRecord),
        ("Who", lasting.By),
        ("total", lasting.TotalRecord),
        ("Totals", lasting.DayTotals),
        ("Uploads of a total", lasting.UploadsTotal),
        ("Matches of a total", lasting.MatchesTotal),
        ("Other numbers of a total", lasting.ReasonsTotal),
        ("Retention in a head", lasting.Retention),
    ],
)
def test_each_field_of_a_record_is_explained(
    title: str, kind: type[msgspec.Struct]
) -> None:
    """The overseer's page has a row for every field of every record."""
    common = {"record", *base.BaseRecord.__struct_fields__}
    fields = set(kind.__struct_fields__)
    if kind is base.BaseRecord:
        fields = common
    elif issubclass(kind, base.BaseRecord):
        fields -= common

    assert first_cells(section(RECORDS, title)) == fields


def test_each_change_is_explained() -> None:
    """The overseer's page has a row for whatever can be changed."""
    assert first_cells(section(RECORDS, "Changes")) == set(lasting.Change)


def test_each_plain_setting_is_explained() -> None:
    """Each setting outside of tables has a row, and there are no other rows."""
    plain = {key for key in KEYS if "." not in key}

    assert first_cells(operating("At the top of the file")) == plain


@pytest.mark.parametrize(("table", "room"), list(config.TABLES.items()))
def test_each_setting_is_explained_with_its_default(table: str, room: type) -> None:
    """The rows of a table's section are its keys, with the defaults of the code."""
    explained = defaults_shown(operating(f"[{table}]"))
    expected = {
        field.name: MADE[field.name] if field.name in MADE else default_of(field)
        for field in dataclasses.fields(room)
        if f"{table}.{field.name}" in KEYS
    }

    assert explained == expected


def test_page_of_settings_is_what_the_code_says() -> None:
    """The page of all keys was written after the code had changed last."""
    is_fresh = keys.PAGE.read_text(encoding="utf-8") == keys.page()

    assert is_fresh, "docs/operating/keys.md is stale: run 'make settings'"


def test_ten_settings_are_for_everybody() -> None:
    """The first hour names those that matter."""
    often = first_cells(operating("Ten settings that matter"))

    assert often <= KEYS
    assert len(often) == 10


def test_keys_that_need_a_restart_are_named() -> None:
    """The operator knows beforehand what a reload will not change."""
    waiting = {key for key in KEYS if not config.is_live(key)}
    tables = {
        f"[{table}]"
        for table in config.TABLES
        if all(key in waiting for key in KEYS if key.startswith(f"{table}."))
    }
    named = {key for key in waiting if f"[{key.partition('.')[0]}]" not in tables}

    assert first_cells(operating("Reloading")) == tables | named


def test_each_variable_is_explained() -> None:
    """The environment variables for settings each have a row."""
    explained = first_cells(operating("Where settings come from"))

    assert explained >= {*schema.VARIABLES, options_of_cli.CONFIG_VARIABLE}


def test_each_setting_of_a_route_is_explained() -> None:
    """Each key and table of a route has a row, and there are no other rows."""
    found = {key.removeprefix("routes.") for key in KEYS if key.startswith("routes.")}

    assert first_cells(operating("[[routes]]")) == found


@pytest.mark.parametrize(("title", "enum"), list(ENUMS.items()))
def test_each_value_is_in_the_glossary(title: str, enum: type[StrEnum]) -> None:
    """The glossary explains every value of every enum, and no other value."""
    assert first_cells(section(GLOSSARY, title)) == {item.value for item in enum}


def test_glossary_or_operators_page_covers_every_enum() -> None:
    """An enum that is added to the model must be explained somewhere."""
    enums = {
        kind
        for kind in vars(model).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
    }

    assert enums == {*ENUMS.values(), model.Reason}


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_shown_make_targets_exist(page: Path) -> None:
    """A page that tells the reader to run ``make x`` is right that x exists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    prose = "; ".join(
        word for line in prose_lines(page) for word in re.findall(r"`([^`]+)`", line)
    )
    shell = "\n".join(line.partition("#")[0] for line in code_lines(page, "sh"))

    assert set(_MAKE.findall(f"{prose}\n{shell}")) <= set(_TARGET.findall(makefile))


def test_readme_opens_with_the_two_commands() -> None:
    """README shows ``make run`` and ``make test`` before anything else to type."""
    shown_first = list(code_lines(ROOT / "README.md", "sh"))[:2]

    assert [line.split()[:2] for line in shown_first] == [
        ["make", "run"],
        ["make", "test"],
    ]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_shown_command_lines_are_right(page: Path) -> None:
    """Every ``uploadfilter`` command line in a page has a command and its options."""
    for line in code_lines(page, "sh"):
        words = shlex.split(line, comments=True)
        if not words or words[0] != "uploadfilter":
            continue
        name = next((n for n in COMMANDS if words[: len(n.split())] == n.split()), None)
        assert name is not None, line
        used = {w.partition("=")[0] for w in words if w.startswith("--")}
        assert used <= options(COMMANDS[name]) | {"--help"}, line


def test_documents_can_be_read() -> None:
    """All pages together have a number of words that a person can read in a week."""
    texts = [path for path in files(ROOT) if path.suffix == ".md"]
    words = sum(len(path.read_text(encoding="utf-8").split()) for path in texts)

    assert words <= MOST_WORDS_IN_ALL


def test_index_lists_every_decision() -> None:
    """The index has one row for each record: number and title; all are accepted."""
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if line.startswith("| [")]
    expected = []
    for path in adr_files():
        text = path.read_text(encoding="utf-8")
        number, title = text.splitlines()[0].removeprefix("# ").split(": ", 1)
        status = re.search(r"^- Status: (.+)$", text, re.MULTILINE)
        assert path.name.startswith(number)
        assert status, path.name
        assert status[1] == "accepted", path.name
        expected.append(f"| [{number}]({path.name}) | {title} |")

    assert rows == expected


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_resolve(page: Path) -> None:
    """Every link into the repository leads to a file, and to a heading in it."""
    assert [target for target in links(page) if not resolves(page, target)] == []


def test_each_document_can_be_reached() -> None:
    """From README, links lead to every page and drawing in ``docs``."""
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        if page.suffix != ".md":
            continue
        reached = {(page.parent / t.partition("#")[0]).resolve() for t in links(page)}
        waiting += [path for path in reached if path.is_file() and path not in seen]
    documents = {
        path for path in files(ROOT / "docs") if path.suffix in {".md", ".svg"}
    }

    assert sorted(map(name_of, documents - seen)) == []


def places_named(page: Path) -> list[tuple[str, str]]:
    """Return the files and names of a page's tables whose first two cells are such."""
    row = re.compile(r"`(uploadfilter/[\w/]+\.py)` \| `([\w.]+)` \|")
    return row.findall(page.read_text(encoding="utf-8"))


ONE_UPLOAD = places_named(ROOT / "docs" / "one-upload.md")


@pytest.mark.parametrize(("path", "name"), ONE_UPLOAD)
def test_each_step_of_an_upload_is_where_the_page_says(path: str, name: str) -> None:
    """The file exists, and has the function, method or constant that is named."""
    names = {
        found
        for node in parse(ROOT / path).body
        for found in (*defined(node), *methods(node))
    }

    assert name in names


def methods(node: ast.stmt) -> Iterator[str]:
    """Yield the methods of a class, as ``Class.method``."""
    if isinstance(node, ast.ClassDef):
        yield from (f"{node.name}.{name}" for it in node.body for name in defined(it))


def test_steps_of_an_upload_name_a_place_each() -> None:
    """No row of the page has a form that the test above passes over."""
    text = (ROOT / "docs" / "one-upload.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if "`uploadfilter/" in line]

    assert len(ONE_UPLOAD) == len(rows) >= 35


READ = [
    page
    for page in pages()
    if page.is_relative_to(ROOT / "docs")
    and page.parent.name != "decisions"
    and page not in {GLOSSARY, ROOT / "docs" / "house-style.md"}
]
"""Pages that somebody reads; the others are rules, words and decisions."""

MOST_WORDS = 2200
"""Of a guide: ten minutes at the pace at which people read technical texts."""


GROUPS = {name.split()[1] for name in COMMANDS if len(name.split()) > 2}
"""Words that begin a command with more than one word."""


def commands_in_sentences(page: Path) -> Iterator[str]:
    """Yield the commands that sentences name, also across the end of a line."""
    for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", "\n".join(prose_lines(page))):
        match code.split():
            case ["uploadfilter", word, *_] if not word.startswith("-"):
                yield " ".join(code.split())
            case [group, word, *_] if group in GROUPS and word.isalpha():
                yield " ".join(["uploadfilter", *code.split()])


@pytest.mark.parametrize("page", READ, ids=name_of)
def test_commands_in_sentences_exist(page: Path) -> None:
    """Who types what a sentence names gets a command, and one with these options."""
    for line in commands_in_sentences(page):
        name = next((n for n in COMMANDS if f"{line} ".startswith(f"{n} ")), None)
        assert name is not None, line
        used = set(re.findall(r"--[a-z][a-z-]+", line))
        assert used <= options(COMMANDS[name]) | {"--help"}, line


@pytest.mark.parametrize("page", READ, ids=name_of)
def test_each_page_says_for_whom_it_is(page: Path) -> None:
    """The first line names the readers; a reference says that it is one."""
    title, blank, first, *_ = page.read_text(encoding="utf-8").splitlines()

    assert title.startswith("# ")
    assert not blank
    assert first.startswith(("For ", "Reference, for "))


@pytest.mark.parametrize("page", READ, ids=name_of)
def test_guides_take_ten_minutes_and_references_list_their_sections(page: Path) -> None:
    """Nobody has to read a long page: it is for looking things up, by its contents."""
    text = page.read_text(encoding="utf-8")
    sections = re.findall(r"^## ", text, re.MULTILINE)

    if len(text.split()) > MOST_WORDS:
        assert "\nReference, for " in text
        assert len(sections) > 1
        assert "\nOn this page: " in text


def test_each_document_is_in_the_navigation_of_the_site() -> None:
    """Each page of the site is listed beside every other one, as Sphinx wants it."""
    listed = {conf.root_doc, *(name for it in conf.NAVIGATION.values() for name in it)}
    for folder in conf.FOLDERS:
        text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        listed |= set(conf.below(folder, text))
    documents = {
        name_of(path) for path in pages() if path.is_relative_to(ROOT / "docs")
    }

    assert documents <= {f"{name}.md" for name in listed}
    assert [name for name in sorted(listed) if not (ROOT / f"{name}.md").exists()] == []


@pytest.mark.parametrize(
    "drawing",
    [path for path in files(ROOT / "docs") if path.suffix == ".svg"],
    ids=name_of,
)
def test_drawings_stand_on_their_own(drawing: Path) -> None:
    """A drawing says what it shows, knows the dark, and fetches nothing."""
    text = drawing.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own file
    svg = "{http://www.w3.org/2000/svg}"

    assert root.tag == f"{svg}svg"
    assert root.findtext(f"{svg}title")
    assert root.findtext(f"{svg}desc")
    assert "prefers-color-scheme: dark" in text
    assert "href" not in text
    assert "url(http" not in text
