"""The cohort of a state directory."""

from pathlib import Path

import pytest

from tests.knowngood.corpora import SECRET, corpus_file, md5_of, value
from uploadfilter.errors import HashSetKnownGoodError
from uploadfilter.knowngood.cohorts import Cohorts
from uploadfilter.knowngood.store import DEFAULT, KNOWN_GOOD, LIST, KnownGood, shipped


def test_state_without_corpora_has_the_one_of_the_program(tmp_path: Path) -> None:
    """It is ready before the first sync, and is prepared once."""
    cohorts = Cohorts(tmp_path)
    found = cohorts.background()

    assert found is not None
    assert len(found) > 10_000
    assert cohorts.background() is found


def test_removed_corpus_is_gone_without_a_restart(tmp_path: Path) -> None:
    """A cohort that is too small is not used: nothing is judged by noise."""
    kept = KnownGood(tmp_path, shipped())
    kept.with_default(SECRET, epoch_s=1.0)
    cohorts = Cohorts(tmp_path)
    assert cohorts.background() is not None

    given = corpus_file(tmp_path / "given", [value(1)], [md5_of("a")])
    with given.open("rb") as file:
        kept.add_corpus("own", given, file, secret=SECRET, epoch_s=1.0)
    kept.remove(DEFAULT)

    assert cohorts.background() is None


def test_damaged_corpus_is_an_error_until_it_is_mended(tmp_path: Path) -> None:
    """It is never a smaller cohort."""
    kept = KnownGood(tmp_path, shipped())
    kept.with_default(SECRET, epoch_s=1.0)
    (file,) = (tmp_path / KNOWN_GOOD).glob(f"{DEFAULT}.*")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    cohorts = Cohorts(tmp_path)

    with pytest.raises(HashSetKnownGoodError):
        cohorts.background()
    file.write_bytes(whole)
    assert cohorts.background() is not None
    (tmp_path / KNOWN_GOOD / LIST).write_bytes(b"{")
    with pytest.raises(HashSetKnownGoodError):
        cohorts.background()
