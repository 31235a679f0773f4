"""The known-good corpora of a state directory."""

import stat
from pathlib import Path

import pytest

from tests.knowngood.corpora import SECRET, corpus_file, md5_of, value
from tests.knowngood.foreign import encase
from uploadfilter.errors import HashSetKnownGoodError, HashSetNameError
from uploadfilter.knowngood.foreign import KnownForm, Read
from uploadfilter.knowngood.store import (
    DEFAULT,
    KNOWN_GOOD,
    KnownGood,
    ListedCorpus,
    identity,
    shipped,
)
from uploadfilter.model import SignalType
from uploadfilter.reference.entries.secret import Secret


def added(kept: KnownGood, path: Path, name: str = "own") -> None:
    """Take a corpus of one picture and one digest."""
    given = corpus_file(path / "given", [value(1)], [md5_of("a")])
    with given.open("rb") as file:
        kept.add_corpus(name, given, file, secret=SECRET, epoch_s=1.0)


def listed(kept: KnownGood, path: Path, name: str) -> tuple[ListedCorpus, Read]:
    """Take a list of EnCase."""
    with path.open("rb") as file:
        return kept.add_list(
            name, path, file, KnownForm.ENCASE, secret=SECRET, epoch_s=1.0
        )


def test_corpus_is_taken_listed_and_removed(tmp_path: Path) -> None:
    """Its digests are keyed, and its files private; after its removal it is gone."""
    kept = KnownGood(tmp_path)
    added(kept, tmp_path)

    corpus = kept.read(SECRET)["own"]
    (item,) = kept.listed()
    assert corpus.digests["keyed"].tobytes() == SECRET.exact_key(
        SignalType.MD5, md5_of("a")
    )
    assert corpus.values.tobytes() == value(1)
    assert (item.pictures, item.digests) == (1, 1)
    for path in kept.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    kept.remove("own")
    assert kept.listed() == ()
    assert kept.read(SECRET) == {}
    assert {path.name for path in kept.path.iterdir()} == {"list.json", "lock"}
    with pytest.raises(HashSetKnownGoodError, match="there is no"):
        kept.remove("own")


def test_list_of_others_is_taken(tmp_path: Path) -> None:
    """The digests of a foreign list are kept, keyed; a list without any is refused."""
    kept, path = KnownGood(tmp_path), tmp_path / "x.hash"
    path.write_bytes(encase(md5_of("a"), md5_of("a"), md5_of("b")))
    item, read = listed(kept, path, "encase")

    assert (item.pictures, item.digests, read.records) == (0, 2, 3)
    path.write_bytes(encase())
    with pytest.raises(HashSetKnownGoodError, match="nothing in the file"):
        listed(kept, path, "none")
    with pytest.raises(HashSetNameError):
        listed(kept, path, "../x")


def test_identity_changes_with_what_is_known(tmp_path: Path) -> None:
    """Another corpus makes another identity, and so does another name."""
    kept = KnownGood(tmp_path)
    seen = {identity(kept.read(SECRET))}
    added(kept, tmp_path, "a")
    seen.add(identity(kept.read(SECRET)))
    added(kept, tmp_path, "b")
    seen.add(identity(kept.read(SECRET)))
    kept.remove("a")
    seen.add(identity(kept.read(SECRET)))

    assert len(seen) == 4


@pytest.mark.parametrize("what", ["removed", "changed", "other", "list", "no list"])
def test_what_is_missing_or_damaged_is_an_error(tmp_path: Path, what: str) -> None:
    """A listed corpus that cannot be used is always an error."""
    kept = KnownGood(tmp_path)
    added(kept, tmp_path)
    (path,) = kept.path.glob("own.*")
    if what == "removed":
        path.unlink()
    elif what == "changed":
        path.write_bytes(path.read_bytes()[:-1])
    elif what == "other":
        path.write_bytes((tmp_path / "given").read_bytes())
    elif what == "list":
        (kept.path / "list.json").write_text("[")
    else:
        (kept.path / "list.json").unlink()

    with pytest.raises(HashSetKnownGoodError) as caught:
        kept.read(SECRET)
    assert caught.value.hint


def test_another_key_is_said(tmp_path: Path) -> None:
    """Digests under another key match nothing, so they are an error."""
    kept = KnownGood(tmp_path)
    added(kept, tmp_path)

    with pytest.raises(HashSetKnownGoodError, match="another key"):
        kept.read(Secret(bytes([1]) * 32))


def test_corpus_of_the_program_comes_once_and_stays_away(tmp_path: Path) -> None:
    """It is added unless it exists, replaced if it changes, and can be removed."""
    given = corpus_file(tmp_path / "given", [value(1)])
    kept = KnownGood(tmp_path, given)
    kept.with_default(SECRET, epoch_s=1.0)
    kept.with_default(SECRET, epoch_s=2.0)
    (first,) = kept.listed()
    corpus_file(given, [value(1), value(2)])
    kept.with_default(SECRET, epoch_s=3.0)
    (second,) = kept.listed()
    kept.remove(DEFAULT)
    kept.with_default(SECRET, epoch_s=4.0)

    assert (first.added_at, first.pictures) == (1, 1)
    assert (second.added_at, second.pictures) == (3, 2)
    assert kept.listed() == ()
    assert KnownGood(tmp_path).path.name == KNOWN_GOOD
    path = shipped()
    assert path is None or path.is_file()
