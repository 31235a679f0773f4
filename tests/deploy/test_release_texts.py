"""The version and the changelog of a release, as texts."""

import pytest

from deploy.release import texts

PROJECT = '[project]\nname = "a"\nversion = "1.2.3"\nrequires-python = ">=3.11"\n'
CHANGELOG = """\
# Changelog

## [Unreleased]

### Fixed

- A.

## [1.2.3] - 2026-01-02

- B.
"""


def test_version_is_put_into_the_project() -> None:
    """Nothing else of the file changes."""
    assert texts.numbered(PROJECT, "1.10.0") == PROJECT.replace("1.2.3", "1.10.0")
    assert texts.numbered(PROJECT, "1.2.3") == PROJECT


@pytest.mark.parametrize("version", ["1.2.2", "0.9.9", "1.1.10"])
def test_version_comes_after_the_last_one(version: str) -> None:
    """Numbers are compared as numbers."""
    with pytest.raises(ValueError, match=r"is not after 1\.2\.3"):
        texts.numbered(PROJECT, version)


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3", "1.2.3rc1", "1.02.3"])
def test_version_is_three_numbers(version: str) -> None:
    """Nothing else sorts by itself."""
    with pytest.raises(ValueError, match="three numbers"):
        texts.numbered(PROJECT, version)


def test_unreleased_changes_become_those_of_the_version() -> None:
    """The section for the next changes is empty then."""
    changed = texts.dated(CHANGELOG, version="1.3.0", date="2026-11-28")

    assert changed == CHANGELOG.replace(
        "## [Unreleased]\n", "## [Unreleased]\n\n## [1.3.0] - 2026-11-28\n"
    )


@pytest.mark.parametrize(
    ("changelog", "message"),
    [
        pytest.param("# Changelog\n", "no changes", id="no-section"),
        pytest.param("## [Unreleased]\n\n## [1.2.3]\n", "no changes", id="empty"),
        pytest.param("## [Unreleased]\n", "no changes", id="empty-and-last"),
        pytest.param(CHANGELOG.replace("1.2.3", "1.3.0"), "already", id="twice"),
    ],
)
def test_release_without_changes_is_refused(changelog: str, message: str) -> None:
    """A release says what is new in it, once."""
    with pytest.raises(ValueError, match=message):
        texts.dated(changelog, version="1.3.0", date="2026-11-28")


def test_images_and_packages_are_named_anew() -> None:
    """Other numbers that look alike stay."""
    text = "{0}:1.2.3 {0}_1.2.3_amd64.deb {0}:1.2.34 other:1.2.3"
    changed = texts.renamed(text.format("uploadfilter"), "1.2.3", "2.0.0")

    assert changed == (
        "{0}:2.0.0 {0}_2.0.0_amd64.deb {0}:1.2.34 other:1.2.3".format("uploadfilter")
    )
