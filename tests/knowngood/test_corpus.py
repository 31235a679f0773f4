"""The file of a known-good corpus: written data is read, and nothing else."""

import stat
from pathlib import Path

import pytest

from tests.knowngood.corpora import corpus_file, md5_of, value
from uploadfilter.errors import HashSetKnownGoodError
from uploadfilter.knowngood.corpus import is_corpus, read


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Values, qualities and digests are unchanged, in a private file."""
    values = [value(n) for n in range(3)]
    path = corpus_file(tmp_path / "a", values, [md5_of("a"), md5_of("b")])

    corpus = read(path)

    assert is_corpus(path.read_bytes()[:100])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert corpus.values.shape == (3, 1, 4)
    assert corpus.values.tobytes() == b"".join(values)
    assert corpus.qualities.tolist() == [100] * 3
    assert corpus.digests["md5"].tobytes() == b"".join(
        sorted([md5_of("a"), md5_of("b")])
    )


def test_empty_one_is_read(tmp_path: Path) -> None:
    """A corpus without pictures and digests is valid."""
    corpus = read(corpus_file(tmp_path / "a"))

    assert corpus.values.shape == (0, 1, 4)
    assert len(corpus.digests["md5"]) == 0


@pytest.mark.parametrize("cut", [0, 1, 19, 60, 100, 200, -33, -1])
def test_cut_off_file_is_damaged(tmp_path: Path, cut: int) -> None:
    """A cut-off copy is an error, and never a smaller corpus."""
    path = corpus_file(tmp_path / "a", [value(1)], [md5_of("a")])
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(HashSetKnownGoodError) as caught:
        read(path)
    assert caught.value.hint


def test_every_byte_counts(tmp_path: Path) -> None:
    """One changed byte anywhere is noticed."""
    path = corpus_file(tmp_path / "a", [value(1)], [md5_of("a")])
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(HashSetKnownGoodError):
            read(path)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """A missing file is not an empty corpus."""
    with pytest.raises(HashSetKnownGoodError, match="cannot read"):
        read(tmp_path / "x")
    assert not is_corpus(b"")
