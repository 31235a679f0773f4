"""Options as structs: each field is an option, and the command gets the struct."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
import typer.main

from uploadfilter.cli.structs import spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Two options that belong together."""

    first: Annotated[str, typer.Option("--from", help="The first day.")]
    last: Annotated[str | None, typer.Option("--to", help="The last day.")] = None


def test_fields_are_options_of_the_command() -> None:
    """In the order of the function, with names, help and defaults of the struct."""
    found: list[tuple[str, Period, bool]] = []

    def command(
        name: Annotated[str, typer.Argument(help="A name.")],
        period: Period,
        *,
        json: Annotated[bool, typer.Option("--json")] = False,
    ) -> None:
        """Do it."""
        found.append((name, period, json))

    app = typer.Typer(add_completion=False)
    app.command()(spread(command))
    made = typer.main.get_command(app)
    made.main(["a", "--from", "b", "--json"], standalone_mode=False)

    assert [it.name for it in made.params] == ["name", "first", "last", "json"]
    assert found == [("a", Period(first="b"), True)]
    assert made.help == "Do it."


def test_command_without_a_struct_stays_as_it_is() -> None:
    """Nothing comes between it and its caller."""

    def command(name: str) -> None:
        """Do nothing with a name."""

    assert spread(command) is command
    assert list(inspect.signature(command).parameters) == ["name"]
