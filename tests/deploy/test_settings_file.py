"""The settings file of the Debian package, which the operator owns once it is written.

The package's scripts run as dpkg runs them, with a folder as the root of the system.
"""

import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.deploy.programs import made, shown
from tests.sites.programs import debian, missing

pytestmark = pytest.mark.e2e

SETTINGS = "etc/uploadfilter/uploadfilter.toml"
EXAMPLE = "usr/share/uploadfilter/uploadfilter.toml"
EDITED = '# Ours.\norigin = "http://127.0.0.1:9000"\n'


def run(*command: str | Path) -> str:
    """Run a command without a terminal and without input; return its output."""
    parts = [str(part) for part in command]
    done = subprocess.run(  # noqa: S603 - commands of the tests
        parts,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=120,
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        },
    )
    assert done.returncode == 0, shown(parts, done.stdout)
    return done.stdout.decode()


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked package without the program, which these tests do not run."""
    if os.geteuid() != 0:
        missing("right to install packages", cure="run the tests as root")
    tree = tmp_path_factory.mktemp("light") / "tree"
    dpkg_deb = debian("dpkg-deb", package="dpkg")
    run(dpkg_deb, "--raw-extract", made("UPLOADFILTER_DEB"), tree)
    run("rm", "-r", tree / "usr/lib/uploadfilter", tree / "usr/share/doc")
    (tree / "usr/lib/uploadfilter").mkdir()
    return tree


def built(light: Path, place: Path, version: str, *, settings: str, at: str) -> Path:
    """Build a release of the package.

    Args:
        light: The unpacked package.
        place: Folder for the release.
        version: Its version.
        settings: Its settings file.
        at: Path of that file in it: ``SETTINGS`` as in old releases, where dpkg was in
            charge of it, or ``EXAMPLE``.
    """
    tree = place / version
    run("cp", "--archive", light, tree)
    control = tree / "DEBIAN/control"
    lines = control.read_text().splitlines()
    lines = [f"Version: {version}" if "Version:" in it else it for it in lines]
    control.write_text("\n".join(lines) + "\n")
    (tree / EXAMPLE).unlink()
    (tree / at).parent.mkdir(parents=True, exist_ok=True)
    (tree / at).write_text(settings)
    if at == SETTINGS:
        (tree / "DEBIAN/conffiles").write_text(f"/{SETTINGS}\n")
        # As it was then: nothing but the user and the modes.
        script = tree / "DEBIAN/postinst"
        script.write_text("#!/bin/sh\nset -e\n")
        (tree / "DEBIAN/postrm").unlink()
    package = place / f"{version}.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, package)
    return package


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """Return an empty folder as the root of a system, with the lists of dpkg."""
    root = tmp_path / "system"
    for folder in ("info", "updates", "triggers"):
        (root / "var/lib/dpkg" / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    (root / "etc").mkdir()
    return root


def dpkg(system: Path, *arguments: str | Path) -> str:
    """Run dpkg on that system; its scripts get the folder in ``DPKG_ROOT``."""
    options: Sequence[str] = (
        f"--root={system}",
        "--force-script-chrootless",
        "--force-depends",
        "--force-unsafe-io",
        "--force-not-root",
    )
    return run("dpkg", *options, *arguments)


def test_first_installation_writes_the_file(
    light: Path, system: Path, tmp_path: Path
) -> None:
    """It is the example, which only root and the service may read."""
    package = built(light, tmp_path, "1", settings="# new\n", at=EXAMPLE)
    dpkg(system, "--install", package)
    status = (system / SETTINGS).stat()

    assert (system / SETTINGS).read_text() == "# new\n"
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert status.st_gid != 0


def test_edited_file_of_an_old_package_is_kept_without_a_question(
    light: Path, system: Path, tmp_path: Path
) -> None:
    """The upgrade ends, though the shipped file changed and there is no terminal."""
    old = built(light, tmp_path, "1", settings="# old\n", at=SETTINGS)
    new = built(light, tmp_path, "2", settings="# new\n", at=EXAMPLE)
    newer = built(light, tmp_path, "3", settings="# newer\n", at=EXAMPLE)
    dpkg(system, "--install", old)
    (system / SETTINGS).write_text(EDITED)
    dpkg(system, "--install", new)
    dpkg(system, "--install", newer)

    assert (system / SETTINGS).read_text() == EDITED
    assert [it.name for it in (system / SETTINGS).parent.iterdir()] == [
        "uploadfilter.toml"
    ]
    assert (system / EXAMPLE).read_text() == "# newer\n"


def test_deleted_file_is_not_written_again(
    light: Path, system: Path, tmp_path: Path
) -> None:
    """Who deleted it has settings elsewhere."""
    dpkg(system, "--install", built(light, tmp_path, "1", settings="# a\n", at=EXAMPLE))
    (system / SETTINGS).unlink()
    dpkg(system, "--install", built(light, tmp_path, "2", settings="# b\n", at=EXAMPLE))

    assert not (system / SETTINGS).exists()


def test_removal_keeps_the_file_and_purge_takes_it(
    light: Path, system: Path, tmp_path: Path
) -> None:
    """As with every settings file of Debian."""
    package = built(light, tmp_path, "1", settings="# a\n", at=EXAMPLE)
    dpkg(system, "--install", package)
    (system / SETTINGS).write_text(EDITED)
    dpkg(system, "--remove", "uploadfilter")
    kept = (system / SETTINGS).read_text()
    dpkg(system, "--purge", "uploadfilter")

    assert kept == EDITED
    assert not (system / SETTINGS).parent.exists()
