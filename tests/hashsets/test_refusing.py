"""A file is imported or refused, and a refusal has a reason and a remedy."""

import pytest

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.refusing import BadLines, check_outcome
from uploadfilter.hashsets.tally import ForeignFacts, Problem, Tally

PATH = "a"


def refusal(tally: Tally, bad_lines: BadLines = BadLines.REFUSE) -> HashSetFormatError:
    """Return the message about a file."""
    with pytest.raises(HashSetFormatError) as caught:
        check_outcome(PATH, tally, bad_lines)
    return caught.value


def test_good_file_is_imported() -> None:
    """This also holds if records were left out on purpose."""
    tally = Tally(lines=3, accepted=2)
    tally.note(Problem.CATEGORY)

    check_outcome(PATH, tally, BadLines.REFUSE)


def test_records_are_called_so() -> None:
    """A file of somebody else has no lines that an editor counts."""
    tally = Tally(lines=3, foreign=ForeignFacts(name="vics", title="VICS"))
    tally.note(Problem.BAD_FIELD)
    error = refusal(tally)

    assert "malformed records: 1 bad_field (first in record 3)" in str(error)
    assert "Record 3 has" in error.hint


def test_file_of_other_signals_is_told_so() -> None:
    """For a file that has only PhotoDNA, the message names the signals to request."""
    tally = Tally(lines=1, foreign=ForeignFacts(name="vics", title="VICS"))
    tally.not_comparable("PhotoDNA")
    tally.note(Problem.NOT_COMPARED)

    assert "Its signals are: PhotoDNA" in refusal(tally).hint
