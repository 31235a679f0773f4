"""The version in the files of the repository, and its date in the changelog.

A file that names the version as ``uploadfilter:1.2.3`` (an image) or
``uploadfilter_1.2.3_`` (a package) needs no change here. For another form, add a
pattern to ``_NAMED``.
"""

import re
import subprocess
from pathlib import Path

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_OF_PROJECT = re.compile(r'(?m)^version = "([^"]+)"$')
_UNRELEASED = re.compile(r"(?ms)^## \[Unreleased\]\n(.*?)(?=^## |\Z)")
_NAMED = r"(?<=\buploadfilter[:_]){}(?!\d)"
"""The places at which documents and settings name a version."""


def numbers(version: str) -> tuple[int, ...]:
    """Return the three numbers of a version.

    Raises:
        ValueError: It has another form.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"a version has three numbers, as 1.2.3: {version!r}")
    return tuple(map(int, found.groups()))


def version_of(pyproject: str) -> str:
    """Return the version that a ``pyproject.toml`` states.

    Raises:
        ValueError: It states no version, or several.
    """
    (version,) = _OF_PROJECT.findall(pyproject)
    return str(version)


def numbered(pyproject: str, version: str) -> str:
    """Return a ``pyproject.toml`` with another version.

    Raises:
        ValueError: It does not follow the present version.
    """
    last = version_of(pyproject)
    if numbers(version) <= numbers(last) and version != last:
        raise ValueError(f"{version} is not after {last}")
    return _OF_PROJECT.sub(f'version = "{version}"', pyproject)


def dated(changelog: str, *, version: str, date: str) -> str:
    """Return a changelog whose unreleased changes are those of a version.

    Raises:
        ValueError: There are no such changes, or the version has a section already.
    """
    found = _UNRELEASED.search(changelog)
    if found is None or not found[1].strip():
        raise ValueError("CHANGELOG.md has no changes in a section [Unreleased]")
    if f"## [{version}]" in changelog:
        raise ValueError(f"CHANGELOG.md has a section [{version}] already")
    heads = f"## [Unreleased]\n\n## [{version}] - {date}\n"
    return changelog[: found.start()] + heads + changelog[found.start(1) :]


def renamed(text: str, last: str, version: str) -> str:
    """Return a text that names a version in place of the last one."""
    return re.sub(_NAMED.format(re.escape(last)), version, text)


def release(folder: Path, *, version: str, date: str) -> None:
    """Write a version and its date into the files of a checkout.

    Args:
        folder: The checkout.
        version: The version; for the first release, the present one.
        date: Day of the release, as ``2026-11-28``.

    Raises:
        ValueError: The version or the changelog cannot be used.
    """
    project, changelog = folder / "pyproject.toml", folder / "CHANGELOG.md"
    before = project.read_text(encoding="utf-8")
    project.write_text(numbered(before, version), encoding="utf-8")
    changes = changelog.read_text(encoding="utf-8")
    changelog.write_text(dated(changes, version=version, date=date), encoding="utf-8")
    last = version_of(before)
    for path in _tracked(folder, "deploy", "docs"):
        text = path.read_text(encoding="utf-8")
        if (changed := renamed(text, last, version)) != text:
            path.write_text(changed, encoding="utf-8")


def _tracked(folder: Path, *under: str) -> list[Path]:
    """Return the text files that git tracks below some folders."""
    command = ("git", "grep", "--name-only", "-I", "", "--", *under)
    listed = subprocess.run(  # noqa: S603 - a command of this file
        command, cwd=folder, check=True, capture_output=True, text=True
    )
    return [folder / name for name in listed.stdout.splitlines()]
