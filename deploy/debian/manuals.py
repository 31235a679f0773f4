"""Write the manual pages: one for the program, and one for each of its commands.

    python3 manuals.py DIRECTORY DATE

Everything in them is what ``--help`` says, so that the two cannot differ. The texts of
the help are Markdown; a construct that no text uses yet ends this program, and gets its
line in ``_block`` or ``_inline``.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import typer
import typer.main
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from uploadfilter.cli import app

_MARKDOWN = MarkdownIt("commonmark")

_ESCAPES = str.maketrans(
    {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "`": r"\(ga", "'": r"\(aq"}
)
"""What troff would take for something else than the character itself."""

_FILES = """\
.SH FILES
.TP
.I /etc/uploadfilter/uploadfilter.toml
The settings of all proxies of the machine.
.TP
.I /var/lib/uploadfilter/
The state of the service: the reference set and the decision logs.
.TP
.I /usr/share/doc/uploadfilter/docs/operating.md
Installation, all settings, reasons, error codes, and what to do when something fails.
.TP
.I /usr/share/doc/uploadfilter/examples/
Settings for front ends and for monitoring.
"""


@dataclass(frozen=True, slots=True)
class _Command:
    """A command and the words that call it.

    Attributes:
        words: The program and its command, such as ``uploadfilter log show``.
        command: What the command line knows of it.
        context: For what is only shown in one, such as the names of values.
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
        """What it does, in one line without a full stop."""
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


def pages(date: str) -> dict[str, str]:
    """Return the text of each page by the name of its file.

    Args:
        date: Day of the release, as ``2026-11-27``.
    """
    command = typer.main.get_command(app)
    if not isinstance(command, TyperCommand | TyperGroup):
        raise TypeError(f"no command line: {command!r}")
    program = _command(("uploadfilter",), command)
    return {
        f"{each.page}.1": _page(each, program, date)
        for each in (program, *_all_below(program))
    }


def _all_below(group: _Command) -> Iterator[_Command]:
    """Yield each command below a group, and those below these."""
    for command in group.below():
        yield command
        yield from _all_below(command)


def _page(command: _Command, program: _Command, date: str) -> str:
    """Return the page of a command."""
    release = version("uploadfilter")
    rest = (command.command.help or "").partition("\n\n")[2]
    epilog = program.command.epilog or ""
    parts = [
        f'.TH {command.page.upper()} 1 {date} "uploadfilter {release}"\n',
        f".SH NAME\n{_text(command.page)} \\- {_text(_as_part(command.brief))}\n",
        _synopsis(command),
        f".SH DESCRIPTION\n{_blocks(rest)}" if rest else "",
        _parameters(command),
        _commands(command),
        # A command that says in its help what its codes mean, says all of them.
        f".SH EXIT STATUS\n{_blocks(epilog)}" if "Exit code" not in rest else "",
        _FILES if command is program else "",
        _see_also(command, program),
    ]
    return "".join(parts)


def _synopsis(command: _Command) -> str:
    """Return how the command is called."""
    words = f".SH SYNOPSIS\n.B {_text(' '.join(command.words))}\n"
    # As in the help, where braces say that a word is needed.
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
    """Return the names of an option and that of its value."""
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in option.opts)
    if option.is_flag:
        return names
    return rf"{names} \fI{_text(option.display_type_rich(context) or '')}\fR"


def _help(parameter: TyperArgument | TyperOption, context: typer.Context) -> str:
    """Return the help on a parameter, which is one paragraph."""
    record = parameter.get_help_record(context)
    return _blocks(record[1] if record else "").removeprefix(".PP\n")


def _commands(command: _Command) -> str:
    """Return the commands of a group, each with what it does."""
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
        case "paragraph_open":
            return ".PP\n"
        case "paragraph_close":
            return ""
        case "inline":
            line = "".join(_inline(child) for child in token.children or ())
            return f"{_unlike_a_request(line)}\n"
        case "code_block":
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
        case _:
            sys.exit(f"manuals.py: no rule for {token.type!r} in the help")


def _as_part(line: str) -> str:
    """Return a line as it reads in the middle of another."""
    return line[:1].lower() + line[1:]


def _text(text: str) -> str:
    """Return text that troff shows as it is, within a line."""
    return text.translate(_ESCAPES)


def _unlike_a_request(line: str) -> str:
    """Return a line that troff does not take for a request."""
    return rf"\&{line}" if line.startswith((".", "'")) else line


def main() -> None:
    """Write the pages into the directory that is named."""
    directory, date = Path(sys.argv[1]), sys.argv[2]
    for name, text in pages(date).items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
