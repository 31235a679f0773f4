"""Messages of the rooms below, in the words of the page."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.repository import PACKAGE, parse
from uploadfilter.issuing.page.hints import ROLES, STEPS, on_page

_OPTION = re.compile(r"(?<![\w-])--[a-z]")
_ROOMS = ("issuing", "signedsets")


def texts() -> Iterator[str]:
    """Yield every text of the rooms that may reach somebody on the page."""
    for room in _ROOMS:
        for path in sorted((PACKAGE / room).glob("*.py")):
            for node in ast.walk(parse(path)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_command_that_a_message_names_is_known() -> None:
    """A developer who adds a hint has to name its place on the page."""
    pattern = re.compile(r"'uploadfilter issuer ([a-z-]+(?: --[a-z0-9]+)?)")
    named = {found for text in texts() for found in pattern.findall(text)}

    assert len(named) > 5
    assert named <= STEPS.keys()


@pytest.mark.parametrize("command", STEPS)
def test_command_with_a_step_is_not_named(command: str) -> None:
    """People read of a step or page; a command is named only if it has no step."""
    shown = on_page(f"'uploadfilter issuer {command}' does it.")

    assert ("uploadfilter" in shown) == STEPS[command].startswith("the command")
    assert shown[0] == "T"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "that key may sign: hashset, revoke",
            "That key may sign: the set, the list of withdrawals",
        ),
        (
            "the key of 'x' may not sign any part of the proposal (hashset)",
            "The key of 'x' may not sign any part of the proposal (the set)",
        ),
        ("Use it with --online-key.", "Use it in the field 'Key of this machine'."),
        ("restore the folder", "Restore the folder"),
        ("the targets, of course", "The targets, of course"),
        ("", ""),
    ],
)
def test_roles_and_options_are_said_as_on_the_page(text: str, shown: str) -> None:
    """Roles are replaced only where a message names one: they are usual words too."""
    assert on_page(text) == shown


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_left_as_files_have_it(role: str) -> None:
    """A role may stand alone in quotes, or at the end of a list."""
    assert on_page(f"'{role}' has 0") == f"'{ROLES[role]}' has 0"
    assert on_page(f"a: {role}") == f"A: {ROLES[role]}"
