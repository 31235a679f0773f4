"""Results of builds in the issuer's folder."""

from pathlib import Path

import pytest

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.building import BuildFile, FileResult, LeftOut
from uploadfilter.issuing.builds import Builds


def finish(builds: Builds, source: Path, *, is_noted: bool = True) -> Path:
    """Build a folder whose files are all refused."""
    path = builds.place(source, None)
    out = BuildFile(path)
    out.add(FileResult(mark="mark", made=LeftOut.NO_PICTURE))
    if is_noted:
        builds.note(path, out.built)
    out.finish()
    out.close()
    return path


def test_build_is_found_with_its_counts(tmp_path: Path) -> None:
    """Another run of the page finds it too."""
    finish(Builds(tmp_path), Path("/pictures"))
    found = Builds(tmp_path).finished

    assert found is not None
    assert found.summary.refused == {"no_picture": 1}
    assert found.summary.entries == 0


def test_same_folder_and_category_have_the_same_place(tmp_path: Path) -> None:
    """So a build can go on; others do not mix, and no name discloses the folder."""
    builds = Builds(tmp_path)
    place = builds.place(Path("/a/secret"), None)

    assert place == builds.place(Path("/a/secret"), None)
    assert place != builds.place(Path("/a/secret"), "1")
    assert place != builds.place(Path("/b/secret"), None)
    assert "secret" not in place.name
    assert place.parent.stat().st_mode & 0o077 == 0


def test_broken_off_build_is_not_finished(tmp_path: Path) -> None:
    """It can go on, or be discarded."""
    builds = Builds(tmp_path)
    BuildFile(builds.place(Path("/pictures"), None)).close()

    assert builds.finished is None
    assert builds.is_broken_off
    builds.discard()
    assert not builds.is_broken_off


def test_build_that_was_staged_takes_no_other_along(tmp_path: Path) -> None:
    """Otherwise hours of another build would be lost."""
    builds = Builds(tmp_path)
    BuildFile(builds.place(Path("/other"), None)).close()
    finish(builds, Path("/pictures"))
    finished = builds.finished
    assert finished is not None
    builds.take(finished.path)

    assert builds.finished is None
    assert builds.is_broken_off


def test_build_without_counts_is_said(tmp_path: Path) -> None:
    """Somebody has changed files in the folder."""
    builds = Builds(tmp_path)
    finish(builds, Path("/pictures"), is_noted=False)

    with pytest.raises(IssuerError, match="cannot be read"):
        _ = builds.finished


def test_folder_without_builds_has_none(tmp_path: Path) -> None:
    """Reading the folder makes nothing."""
    builds = Builds(tmp_path)
    builds.discard()

    assert (builds.finished, builds.is_broken_off) == (None, False)
    assert list(tmp_path.iterdir()) == []
