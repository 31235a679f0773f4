"""Choices that a second import of a hash set keeps."""

from dataclasses import fields, replace

import pytest

from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.hashsets.choices import Chosen, Settled, settled
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo, Signed


def before(*, enforced: bool) -> SetInfo:
    """Return a hash set with two categories that is in force."""
    return SetInfo(
        name="unit7",
        issuer=LOCAL_ISSUER,
        categories=("1", "2"),
        enforced=enforced,
        imported_at=0,
    )


@pytest.mark.parametrize("enforced", [True, False])
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, None),
        (EntryState.ACTIVE, True),
        (EntryState.MONITORED, False),
    ],
)
def test_state_stays_unless_another_is_asked_for(
    *, enforced: bool, state: EntryState | None, expected: bool | None
) -> None:
    """A script that says nothing of it changes nothing, in either direction."""
    found = settled("unit7", Chosen(state=state), [before(enforced=enforced)])

    assert found.enforced is (enforced if expected is None else expected)
    assert found.was_enforced is enforced


@pytest.mark.parametrize(
    ("state", "enforced"),
    [(None, False), (EntryState.ACTIVE, True), (EntryState.MONITORED, False)],
)
def test_new_set_is_monitored_unless_asked_otherwise(
    *, state: EntryState | None, enforced: bool
) -> None:
    """There are no choices for it yet; those of another set do not count."""
    found = settled(
        "new", Chosen(state=state, categories=["1"]), [before(enforced=True)]
    )

    assert found == Settled(enforced=enforced, categories=["1"], was_enforced=None)


@pytest.mark.parametrize(
    ("said", "drops", "taken"),
    [
        pytest.param((), False, ("1", "2"), id="as-before"),
        pytest.param(("1", "2", "3"), False, ("1", "2", "3"), id="one-more"),
        pytest.param(("1",), True, ("1",), id="asked-for"),
    ],
)
def test_categories_stay_unless_asked_otherwise(
    said: tuple[str, ...], *, drops: bool, taken: tuple[str, ...]
) -> None:
    """Entries of a category go only if somebody says so by name."""
    chosen = Chosen(categories=said, drops_categories=drops)

    assert settled("unit7", chosen, [before(enforced=True)]).categories == taken


@pytest.mark.parametrize("said", [("1",), ("3",), ("1", "3")])
def test_categories_that_would_go_are_named(said: tuple[str, ...]) -> None:
    """An import that forgets a category is refused, and says which."""
    with pytest.raises(UsageError, match="'2'") as refused:
        settled("unit7", Chosen(categories=said), [before(enforced=True)])

    assert "--drop-categories" in refused.value.hint


@pytest.mark.parametrize("is_signed", [True, False])
def test_signed_and_unsigned_do_not_take_each_others_place(*, is_signed: bool) -> None:
    """A permission of a signed set does not apply to a file with its name."""
    was = replace(before(enforced=True), signed=Signed(root="", sequence=1))
    known = before(enforced=True) if is_signed else was

    with pytest.raises(HashSetNameError, match="signed") as refused:
        settled("unit7", Chosen(), [known], is_signed=is_signed)

    assert "Nothing was changed" in refused.value.hint


def test_whatever_an_operator_chooses_of_a_set_is_settled() -> None:
    """A new attribute of a hash set must not be reset by importing it again."""
    from_the_file = {"imported_at", "entries", "counts", "source", "exact_alone"}
    kept_by_the_changes = {"revoked"}
    of_the_import = {"name", "issuer", "imported_with", "signed"}
    known = from_the_file | kept_by_the_changes | of_the_import

    chosen = {field.name for field in fields(SetInfo)} - known

    assert chosen == {"categories", "enforced"}, (
        "what an operator chooses of a set belongs into hashsets/choices.py, so that "
        "importing it again keeps it"
    )
