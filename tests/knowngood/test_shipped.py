"""The corpus that comes with the program, and the list of its sources."""

import csv

import numpy as np

from tests.repository import ROOT
from uploadfilter.knowngood.corpus import read
from uploadfilter.knowngood.store import shipped
from uploadfilter.model import QUALITY_FLOOR

PACKAGES = ROOT / "hashsets" / "knowngood" / "packages.tsv"


def test_corpus_of_the_program_is_whole() -> None:
    """It has at least 50,000 values, each once, in 3 MB."""
    path = shipped()
    assert path is not None
    corpus = read(path)

    assert path.stat().st_size < 3_000_000
    assert corpus.head.pictures >= 50_000
    assert len(np.unique(corpus.values.reshape(-1, 4), axis=0)) == corpus.head.pictures
    assert int(corpus.qualities.min()) >= QUALITY_FLOOR
    assert set(corpus.head.digests) == {"md5"}


def test_packages_are_listed_with_their_versions() -> None:
    """The list names the same sources as the corpus."""
    path = shipped()
    assert path is not None
    with PACKAGES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))

    assert sorted(f"{row['name']} {row['version']}" for row in rows) == sorted(
        read(path).head.sources
    )
    assert sum(int(row["pictures"]) for row in rows) > 50_000
