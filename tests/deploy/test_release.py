"""``make release`` in a clone: packages, and then a commit and a tag."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.programs import made, shown
from tests.repository import ROOT

pytestmark = pytest.mark.e2e

VERSION = "99.0.0"


def run(*command: str | Path, cwd: Path, said: int = 0) -> str:
    """Run a command and return what it says; its exit code is as expected."""
    parts = [str(part) for part in command]
    done = subprocess.run(  # noqa: S603 - commands of the tests
        parts,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=600,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == said, shown(parts, done.stdout)
    return done.stdout.decode().strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone of the last commit, as a maintainer has one."""
    run("git", "clone", "--quiet", "--no-tags", ROOT, tmp_path / "clone", cwd=ROOT)
    clone = tmp_path / "clone"
    for key, value in (("user.name", "A"), ("user.email", "a@example.org")):
        run("git", "config", key, value, cwd=clone)
    # The last commit may be a release itself, after which nothing has changed.
    changelog = clone / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    heading = "## [Unreleased]\n"
    changelog.write_text(text.replace(heading, f"{heading}\n- A change.\n"), "utf-8")
    run("git", "commit", "--quiet", "-am", "Change something", cwd=clone)
    return clone


def release(clone: Path, *options: str, said: int = 0) -> str:
    """Run what ``make release`` runs, in a clone."""
    sbom = ("--sbom", str(made("UPLOADFILTER_SBOM")))
    command = (sys.executable, "-m", "deploy.release.release", VERSION)
    return run(*command, *sbom, *options, cwd=clone, said=said)


def test_release_leaves_packages_a_commit_and_a_tag(clone: Path) -> None:
    """The commit is the one that was packed; what is packed can be checked."""
    before = run("git", "rev-parse", "HEAD", cwd=clone)
    output = release(clone, "--compression", "none")
    out = clone / "build/release" / VERSION
    names = {path.name for path in out.iterdir()}
    checked = run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=out)
    log = run("git", "log", "--format=%s", f"{before}..v{VERSION}", cwd=clone)

    assert {name.removeprefix(f"uploadfilter-{VERSION}") for name in names} == {
        "-py3-none-any.whl",
        ".tar.gz",
        ".cdx.json",
        f"uploadfilter_{VERSION}_{run('dpkg', '--print-architecture', cwd=out)}.deb",
        "SHA256SUMS",
    }
    assert checked.count("OK") == len(names) - 1
    assert log == f"Release {VERSION}"
    assert run("git", "status", "--porcelain", cwd=clone) == ""
    assert f"git push --atomic origin HEAD v{VERSION}" in output
    assert f"## [{VERSION}] - 20" in (clone / "CHANGELOG.md").read_text("utf-8")


def test_release_that_cannot_be_changes_nothing(clone: Path) -> None:
    """Changes that are not committed, a missing changelog, packages that fail."""
    changelog = clone / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    changelog.write_text(text.replace("## [Unreleased]", "## [0.0.1]"), "utf-8")
    dirty = release(clone, "--rehearse", said=1)
    run("git", "commit", "--quiet", "-am", "Say nothing", cwd=clone)
    before = run("git", "rev-parse", "HEAD", cwd=clone)
    silent = release(clone, "--rehearse", said=1)

    assert "not committed" in dirty
    assert "no changes in a section [Unreleased]" in silent
    assert run("git", "rev-parse", "HEAD", cwd=clone) == before
    assert run("git", "tag", "--list", f"v{VERSION}", cwd=clone) == ""
