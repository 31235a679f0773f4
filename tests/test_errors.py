"""The tree of errors: the promises to operators and programs."""

import inspect
import re
from collections.abc import Iterator

import pytest

from uploadfilter import errors
from uploadfilter.errors import HashSetNameError, LogCorruptError, UploadFilterError


def tree(base: type[UploadFilterError] = UploadFilterError) -> Iterator[str]:
    """Yield the names of all errors, each before those below it."""
    yield base.__name__
    for below in base.__subclasses__():
        yield from tree(below)


def classes() -> list[type[UploadFilterError]]:
    """Return every class of the tree."""
    return [getattr(errors, name) for name in tree()]


def test_docstring_draws_the_tree_as_it_is() -> None:
    """The module's docstring shows every error, in the order of the code."""
    drawn = re.findall(r"\b[A-Z]\w*Error\b", inspect.getdoc(errors) or "")

    assert drawn[: len(list(tree()))] == list(tree())


def test_codes_are_unique() -> None:
    """A code names one error, so that a program can act on it."""
    codes = [kind.code for kind in classes()]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", classes())
def test_codes_are_words(kind: type[UploadFilterError]) -> None:
    """A code is made of small letters and underscores."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)


@pytest.mark.parametrize("kind", classes())
def test_code_of_a_special_error_begins_like_the_general_one(
    kind: type[UploadFilterError],
) -> None:
    """``store_busy`` is a ``store`` error: the code says which class to look at."""
    for base in kind.__mro__[1:]:
        if issubclass(base, UploadFilterError) and base is not UploadFilterError:
            assert kind.code.startswith(f"{base.code}_")


def test_errors_end_a_command_with_2_and_damage_with_1() -> None:
    """Exit code 2 is refused or failed; a log that does not verify is a finding, 1."""
    others = {kind.exit_code for kind in classes() if kind is not LogCorruptError}

    assert others == {2}
    assert LogCorruptError.exit_code == 1


def test_error_carries_a_message_and_a_hint() -> None:
    """The message names the fault, the hint the next step."""
    error = HashSetNameError("no hash set 'unit8'", hint="See the list.")

    assert str(error) == "no hash set 'unit8'"
    assert error.hint == "See the list."


def test_hint_may_be_missing() -> None:
    """Where nothing helps, nothing is advised."""
    assert UploadFilterError("failed").hint == ""
