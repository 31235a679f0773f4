"""Write the manual pages of the program, of each command, and of the settings.

All texts come from ``--help``, and for the settings from the pages of
``docs/operating``, so that they cannot differ. These texts are Markdown. A construct
that no text has used so far ends this program; add a line for it in ``_block`` or
``_inline``.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from uploadfilter.cli import whole_program

_MARKDOWN = MarkdownIt("commonmark").enable("table")

_ESCAPES = str.maketrans(
    {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "`": r"\(ga", "'": r"\(aq"}
)
"""Characters that troff would not print as they are."""

_FILES = """\
.SH FILES
.TP
.I /etc/uploadfilter/uploadfilter.toml
The settings of all proxies of the machine:
.BR uploadfilter.toml (5)
.TP
.I ~/.config/uploadfilter/uploadfilter.toml
Those of one user, in place of them.
.TP
.I /var/lib/uploadfilter/
The state of the service: the reference set and the decision logs.
.TP
.I /usr/share/doc/uploadfilter/docs/operating/README.md
Installation, all settings, reasons, error codes, and what to do when something fails.
.TP
.I /usr/share/doc/uploadfilter/examples/
Settings for front ends and for monitoring.
"""


_BESIDE_SETTINGS = r"""\
.SH SEE ALSO
.BR uploadfilter\-config\-check (1) ,
.BR uploadfilter\-config\-show (1) ,
.BR uploadfilter\-serve (1)
"""


@dataclass(frozen=True, slots=True)
class _Command:
    """A command and the words that call it.

    Attributes:
        words: The program and its command, such as ``uploadfilter log show``.
        command: Its object on the command line.
        context: The context for details that only exist in one, for example names of
            values.
    """

    words: tuple[str, ...]
    command: TyperCommand | TyperGroup
    context: typer.Context

    @property
    def page(self) -> str:
        """The name of its page."""
        return "-".join(self.words)

    @property
    def brief(self) -> str:
        """A description of the command, in one line without a full stop."""
        first = (self.command.help or "").split("\n\n")[0]
        return " ".join(first.split()).removesuffix(".")

    def below(self) -> "Iterator[_Command]":
        """Yield the commands of a group."""
        if isinstance(self.command, TyperGroup):
            for name, command in self.command.commands.items():
                if isinstance(command, TyperCommand | TyperGroup):
                    yield _command((*self.words, name), command, self.context)


def _command(
    words: tuple[str, ...],
    command: TyperCommand | TyperGroup,
    above: typer.Context | None = None,
) -> _Command:
    """Return a command with a context of its own."""
    context = typer.Context(
        command, parent=above, info_name=words[-1], **command.context_settings
    )
    return _Command(words, command, context)


_NOTHING = frozenset(
    {
        "paragraph_close",
        "heading_close",
        "bullet_list_open",
        "bullet_list_close",
        "list_item_close",
        "paragraph_open",  # that of an item, which begins with the item
    }
)
"""What troff has no word for."""

_OF_SETTINGS = ("settings.md", "routes.md", "keys.md")
"""Pages of ``docs/operating`` that the page of the settings consists of, in order."""

_CONTENTS = "On this page: "
"""Beginning of the list of sections on a page; a manual page has no links for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The release that the pages describe.

    Attributes:
        version: Its version.
        date: Its day, as ``2026-11-27``.
    """

    version: str
    date: str

    def head(self, page: str, section: int) -> str:
        """Return the first line of a page."""
        return f'.TH {page} {section} {self.date} "uploadfilter {self.version}"\n'


def pages(release: Release, operating: Path) -> dict[str, str]:
    """Return the text of each page by the name of its file.

    Args:
        release: The release.
        operating: The folder ``docs/operating``.
    """
    program = _command(("uploadfilter",), whole_program())
    return {
        f"{each.page}.1": _page(each, program, release)
        for each in (program, *_all_below(program))
    } | {"uploadfilter.toml.5": _page_of_settings(release, operating)}


def _all_below(group: _Command) -> Iterator[_Command]:
    """Yield all commands below a group, at every depth."""
    for command in group.below():
        yield command
        yield from _all_below(command)


def _page(command: _Command, program: _Command, release: Release) -> str:
    """Return the page of a command."""
    rest = (command.command.help or "").partition("\n\n")[2]
    epilog = program.command.epilog or ""
    parts = [
        release.head(command.page.upper(), 1),
        f".SH NAME\n{_text(command.page)} \\- {_text(_as_part(command.brief))}\n",
        _synopsis(command),
        f".SH DESCRIPTION\n{_blocks(rest)}" if rest else "",
        _parameters(command),
        _commands(command),
        # A command whose help explains its exit codes explains all of them.
        f".SH EXIT STATUS\n{_blocks(epilog)}" if "Exit code" not in rest else "",
        _FILES if command is program else "",
        _see_also(command, program),
    ]
    return "".join(parts)


def _page_of_settings(release: Release, operating: Path) -> str:
    """Return the page of the configuration file, from pages of the documentation."""
    texts = [(operating / name).read_text(encoding="utf-8") for name in _OF_SETTINGS]
    parts = [
        release.head("UPLOADFILTER.TOML", 5),
        ".SH NAME\nuploadfilter.toml \\- settings of uploadfilter\n",
        ".SH DESCRIPTION\n",
        *map(_document, texts),
        _FILES,
        _BESIDE_SETTINGS,
    ]
    return "".join(parts)


def _document(text: str) -> str:
    """Return a page of the documentation as troff, without its list of sections."""
    paragraphs = text.split("\n\n")
    kept = "\n\n".join(it for it in paragraphs if not it.startswith(_CONTENTS))
    tokens = iter(_MARKDOWN.parse(kept))
    return "".join(
        _table(tokens) if _is_table(each) else _block(each) for each in tokens
    )


def _is_table(token: Token) -> bool:
    return token.type == "table_open"


def _table(tokens: Iterator[Token]) -> str:
    """Return a table as a list: its first column, and below it the other columns.

    Args:
        tokens: The tokens after the beginning of the table; it is read to its end.
    """
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append("".join(_inline(each) for each in token.children or ()))
    names, *entries = rows
    return "".join(_entry(names, entry) for entry in entries)


def _entry(names: Sequence[str], cells: Sequence[str]) -> str:
    """Return a row of a table; the columns between the first and the last are named."""
    key, *between, last = cells if len(cells) > 1 else ("", cells[0])
    told = [
        f"{name}: {cell}\n.br\n"
        for name, cell in zip(names[1:], between, strict=False)
        if cell
    ]
    head = f".TP\n{_unlike_a_request(key)}\n" if key else ".PP\n"
    return head + "".join(told) + f"{_unlike_a_request(last)}\n"


def _synopsis(command: _Command) -> str:
    """Return the synopsis of the command."""
    words = f".SH SYNOPSIS\n.B {_text(' '.join(command.words))}\n"
    # As in the help, where braces mean that a word is required.
    pieces = command.command.collect_usage_pieces(command.context)
    return words + "".join(f".I {_text(piece.strip('{}'))}\n" for piece in pieces)


def _parameters(command: _Command) -> str:
    """Return the arguments and options, each with its help."""
    context = command.context
    parameters = command.command.get_params(context)
    arguments = [
        f".TP\n.I {_text(each.display_name_raw)}\n{_help(each, context)}"
        for each in parameters
        if isinstance(each, TyperArgument)
    ]
    options = [
        f".TP\n{_names(each, context)}\n{_help(each, context)}"
        for each in parameters
        if isinstance(each, TyperOption) and not each.hidden
    ]
    return "".join(
        (
            ".SH ARGUMENTS\n" if arguments else "",
            *arguments,
            ".SH OPTIONS\n" if options else "",
            *options,
        )
    )


def _names(option: TyperOption, context: typer.Context) -> str:
    """Return the names of an option and the name of its value."""
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in option.opts)
    if option.is_flag:
        return names
    return rf"{names} \fI{_text(option.display_type_rich(context) or '')}\fR"


def _help(parameter: TyperArgument | TyperOption, context: typer.Context) -> str:
    """Return the help on a parameter, which is one paragraph."""
    record = parameter.get_help_record(context)
    return _blocks(record[1] if record else "").removeprefix(".PP\n")


def _commands(command: _Command) -> str:
    """Return the commands of a group, each with its description."""
    lines = [
        f".TP\n.BR {_text(below.page)} (1)\n{_text(below.brief)}.\n"
        for below in command.below()
    ]
    return ".SH COMMANDS\n" + "".join(lines) if lines else ""


def _see_also(command: _Command, program: _Command) -> str:
    """Return the pages of the commands around a command."""
    above = [
        other
        for other in (program, *_all_below(program))
        if other.words == command.words[: len(other.words)] and other != command
    ]
    siblings = [
        other
        for other in _all_below(program)
        if other.words[:-1] == command.words[:-1] and other.words != command.words
    ]
    names = [f".BR {_text(other.page)} (1)" for other in (*above, *siblings)]
    return ".SH SEE ALSO\n" + " ,\n".join(names) + "\n" if names else ""


def _blocks(markdown: str) -> str:
    """Return Markdown as troff."""
    return "".join(_block(token) for token in _MARKDOWN.parse(markdown))


def _block(token: Token) -> str:
    """Return one block of Markdown as troff."""
    match token.type:
        case "paragraph_open" if not token.hidden:
            return ".PP\n"
        case "heading_open":
            return ".SS "
        case "list_item_open":
            return ".IP \\(bu 2\n"
        case name if name in _NOTHING:
            return ""
        case "inline":
            line = "".join(_inline(child) for child in token.children or ())
            return f"{_unlike_a_request(line)}\n"
        case "code_block" | "fence":
            lines = _text(token.content.rstrip("\n")).split("\n")
            code = "\n".join(_unlike_a_request(line) for line in lines)
            return f".PP\n.RS 4\n.nf\n{code}\n.fi\n.RE\n"
        case _:
            sys.exit(f"manuals.py: no rule for {token.type!r} in the help")


def _inline(token: Token) -> str:
    """Return a piece of a line of Markdown as troff."""
    match token.type:
        case "text":
            return _text(token.content)
        case "softbreak":
            return " "
        case "code_inline":
            return rf"\fB{_text(token.content)}\fR"
        case "strong_open":
            return r"\fB"
        case "strong_close":
            return r"\fR"
        case "link_open" | "link_close":
            # The target of the link stands in the documentation, which the page names.
            return ""
        case _:
            sys.exit(f"manuals.py: no rule for {token.type!r} in the help")


def _as_part(line: str) -> str:
    """Return a line in the form for the middle of another line."""
    return line[:1].lower() + line[1:]


def _text(text: str) -> str:
    """Return text that troff prints as it is, within a line."""
    return text.translate(_ESCAPES)


def _unlike_a_request(line: str) -> str:
    """Return a line that troff does not take for a request."""
    return rf"\&{line}" if line.startswith((".", "'")) else line
