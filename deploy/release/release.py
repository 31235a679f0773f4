"""Make a release: packages, and then a commit and a tag; or change nothing.

    python -m deploy.release.release VERSION [--rehearse]

Everything is done in a clone in ``build/release``. The repository gets the commit and
the tag only after all packages were built there and checked. A rehearsal leaves out the
commit, the tag, and the compression of the Debian package.

This module runs no tests of the code: ``.ci/run`` must have passed for the commit.
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from deploy.release import texts

ROOT = Path(__file__).parents[2]

_IN_WHEEL = (
    "share/man/man1/uploadfilter.1",
    "share/man/man5/uploadfilter.toml.5",
    "share/bash-completion/completions/uploadfilter",
    "share/fish/vendor_completions.d/uploadfilter.fish",
    "share/zsh/site-functions/_uploadfilter",
)
_DEBIAN_HOME = "usr/lib/uploadfilter"


class ReleaseError(Exception):
    """The release cannot be made; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders in which a release is made.

    Attributes:
        clone: The clone that is changed and packed.
        out: The folder for the packages.
        tree: The folder in which the Debian package is unpacked.
    """

    clone: Path
    out: Path
    tree: Path


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command and return its output.

    Raises:
        ReleaseError: It ended with another code than 0.
    """
    parts = [str(part) for part in command]
    done = subprocess.run(  # noqa: S603 - commands of this file
        parts,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(parts)} failed:\n{done.stdout}")
    return done.stdout.strip()


# --- Before --------------------------------------------------------------------------


def check_repository(version: str) -> None:
    """Check that this commit can become a release.

    Raises:
        ReleaseError: There are changes that are not committed, or the tag exists.
    """
    if changed := run("git", "status", "--porcelain"):
        raise ReleaseError(f"there are changes that are not committed:\n{changed}")
    if run("git", "tag", "--list", f"v{version}"):
        raise ReleaseError(f"the tag v{version} is there already")


def clone_of_this(version: str) -> Places:
    """Clone the repository as it is, in place of an earlier clone."""
    folder = ROOT / "build/release"
    shutil.rmtree(folder, ignore_errors=True)
    out = folder / version
    out.mkdir(parents=True)
    run("git", "clone", "--quiet", "--no-tags", ROOT, folder / "clone")
    return Places(clone=folder / "clone", out=out, tree=folder / "tree")


def commit(clone: Path, version: str, date: str) -> str:
    """Write the version and the date into the clone and commit; return the time.

    Raises:
        ReleaseError: The version is not after the last one, or the changelog has
            no changes for it.
    """
    try:
        texts.release(clone, version=version, date=date)
    except ValueError as exc:
        raise ReleaseError(str(exc)) from exc
    for key in ("user.name", "user.email"):
        # The repository's own identity; without one, git names the missing setting.
        if value := run("git", "config", "--default", "", "--get", key):
            run("git", "config", key, value, cwd=clone)
    run("git", "commit", "--quiet", "-am", f"Release {version}", cwd=clone)
    return run("git", "log", "-1", "--format=%ct", cwd=clone)


# --- Packages ------------------------------------------------------------------------


def build(places: Places, epoch: str, *, compression: str) -> None:
    """Build the wheel, the source archive and the Debian package from the clone."""
    day = dt.datetime.fromtimestamp(int(epoch), dt.UTC).date().isoformat()
    hatch = (sys.executable, "-m", "hatchling", "build", "--directory")
    fixed = {"SOURCE_DATE_EPOCH": epoch}
    shared = ("-m", "deploy.wheel.shared", places.clone / "build/share", day)
    run(sys.executable, *shared, cwd=places.clone)
    run(*hatch, places.out, "--target", "wheel", cwd=places.clone, **fixed)
    run(*hatch, places.out, "--target", "sdist", cwd=places.clone, **fixed)
    run(
        places.clone / "deploy/debian/build.sh",
        wheel_in(places.out),
        places.out,
        PIP=f"{sys.executable} -m pip",
        COMPRESSION=compression,
        **fixed,
    )


def wheel_in(folder: Path) -> Path:
    """Return the wheel of a folder."""
    (wheel,) = folder.glob("*.whl")
    return wheel


def describe(places: Places, sbom: str, version: str) -> None:
    """Write the parts of the Debian package, as CycloneDX; unpack it for that."""
    (package,) = places.out.glob("*.deb")
    run("dpkg-deb", "--extract", package, places.tree)
    run(
        *(sbom, "environment", "--output-reproducible", "--of", "JSON"),
        *("--pyproject", places.clone / "pyproject.toml"),
        *("--output-file", places.out / f"uploadfilter-{version}.cdx.json"),
        places.tree / _DEBIAN_HOME / "bin/python3",
    )


def write_sums(out: Path) -> None:
    """Write ``SHA256SUMS``, for ``sha256sum --check``."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(out.iterdir())
    ]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


# --- What was packed -----------------------------------------------------------------


def check_wheel(places: Places, version: str, epoch: str) -> None:
    """Check that the wheel has what it should, and is the same each time.

    Raises:
        ReleaseError: It differs, or lacks something.
    """
    wheel = wheel_in(places.out)
    again = places.out.with_name("again")
    hatch = (sys.executable, "-m", "hatchling", "build", "--directory", again)
    fixed = {"SOURCE_DATE_EPOCH": epoch}
    run(*hatch, "--target", "wheel", cwd=places.clone, **fixed)
    if wheel_in(again).read_bytes() != wheel.read_bytes():
        raise ReleaseError(f"{wheel.name} differs when it is built again")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        told = archive.read(f"uploadfilter-{version}.dist-info/METADATA").decode()
    data = f"uploadfilter-{version}.data/data"
    wanted = {f"{data}/{name}" for name in _IN_WHEEL}
    wanted.add(f"uploadfilter-{version}.dist-info/licenses/LICENSE")
    if missing := wanted - names:
        raise ReleaseError(f"{wheel.name} lacks {', '.join(sorted(missing))}")
    if HeaderParser().parsestr(told)["Version"] != version:
        raise ReleaseError(f"{wheel.name} has another version")


def check_sdist(places: Places, version: str) -> None:
    """Check that the source archive has the sources, the tests and the licence.

    Raises:
        ReleaseError: It lacks one of them.
    """
    path = places.out / f"uploadfilter-{version}.tar.gz"
    with tarfile.open(path) as archive:
        names = set(archive.getnames())
    for name in ("uploadfilter/model.py", "tests/test_house.py", "LICENSE", "Makefile"):
        if f"uploadfilter-{version}/{name}" not in names:
            raise ReleaseError(f"{path.name} lacks {name}")


def check_debian(places: Places, version: str) -> None:
    """Check that the program of the Debian package runs, and finds a listed picture.

    Raises:
        ReleaseError: It does not run, or finds nothing.
    """
    home = places.tree / _DEBIAN_HOME / "bin"
    program = places.tree / "uploadfilter"
    # The installed one names the interpreter by its installed path.
    program.write_text(f'#!/bin/sh\nexec "{home}/python3" "{home}/uploadfilter" "$@"\n')
    program.chmod(0o755)
    if (said := run(program, "--version")) != f"uploadfilter {version}":
        raise ReleaseError(f"the Debian package says that it is {said!r}")
    demonstration = (sys.executable, "-m", "deploy.demo.demo", "--once")
    run(*demonstration, cwd=places.clone, UPLOADFILTER_PROGRAM=str(program))


def check_description(places: Places, version: str) -> None:
    """Check that each locked package of the Debian package is described.

    Raises:
        ReleaseError: One is missing, or has another version.
    """
    path = places.out / f"uploadfilter-{version}.cdx.json"
    parts = json.loads(path.read_text(encoding="utf-8"))["components"]
    described = {f"{part['name'].lower()}=={part['version']}" for part in parts}
    installed = {
        f"{name.lower()}=={number}"
        for name, number in map(
            _name_of, (places.tree / _DEBIAN_HOME).rglob("METADATA")
        )
    } - {f"uploadfilter=={version}"}
    if missing := installed - described:
        raise ReleaseError(f"{path.name} lacks {', '.join(sorted(missing))}")


def _name_of(metadata: Path) -> tuple[str, str]:
    """Return the name and the version of an installed package."""
    head = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
    return head["Name"], head["Version"]


# --- After ---------------------------------------------------------------------------


def publish(places: Places, version: str) -> None:
    """Put the commit of the clone into this repository, and tag it.

    Raises:
        ReleaseError: The repository has moved in the meantime; it stays as it is.
    """
    message = ("--annotate", "--message", f"Release {version}")
    # The tag first, of a commit that is here but on no branch: if it cannot be made,
    # nothing has changed.
    run("git", "fetch", "--quiet", places.clone, "HEAD")
    run("git", "tag", *message, f"v{version}", "FETCH_HEAD")
    try:
        run("git", "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    except ReleaseError:
        run("git", "tag", "--delete", f"v{version}")
        raise


def pack(version: str, *, date: str, sbom: str, compression: str) -> Places:
    """Make all parts of a release in a clone; return the folders.

    Raises:
        ReleaseError: It cannot be made, or a check fails.
    """
    check_repository(version)
    places = clone_of_this(version)
    epoch = commit(places.clone, version, date)
    build(places, epoch, compression=compression)
    describe(places, sbom, version)
    check_wheel(places, version, epoch)
    check_sdist(places, version)
    check_description(places, version)
    check_debian(places, version)
    write_sums(places.out)
    return places


def main(arguments: Sequence[str]) -> int:
    """Make a release, and print the next step; return the exit code."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--rehearse", action="store_true", help="no commit and no tag")
    parser.add_argument("--compression", help="of the Debian package: xz, none")
    parser.add_argument("--sbom", default="cyclonedx-py", help="the program for it")
    parser.add_argument("--date", help="of the release; today if it is not given")
    options = parser.parse_args(arguments)
    today = dt.datetime.now(dt.UTC).date().isoformat()  # noqa: TID251 - now
    try:
        places = pack(
            options.version,
            date=options.date or today,
            sbom=options.sbom,
            compression=options.compression or ("none" if options.rehearse else "xz"),
        )
        if not options.rehearse:
            publish(places, options.version)
    except ReleaseError as exc:
        print(f"no release, and nothing was changed: {exc}", file=sys.stderr)
        return 1
    for path in sorted(places.out.iterdir()):
        print(f"{path.stat().st_size:>12}  {path}")
    if not options.rehearse:
        print(f"next: git push --atomic origin HEAD v{options.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
