"""The image's definition, checked by a linter and compared with its sources."""

import subprocess
import sys
from pathlib import Path

from tests.deploy.containerfile import CONTAINERFILE, instructions, last
from tests.repository import ROOT
from tests.sites.programs import missing


def test_linter_finds_nothing() -> None:
    """The file states each exception with its reason."""
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        missing(str(linter), cure="make test")
    done = subprocess.run(  # noqa: S603 - the linter that is meant
        [linter, "--no-color", str(CONTAINERFILE)],
        check=False,
        capture_output=True,
        timeout=60,
    )

    assert done.stdout.decode() == ""
    assert done.returncode == 0


def test_image_is_built_of_what_was_tested() -> None:
    """Every copied file of the repository exists, and packages have hashes."""
    copied = [
        rest.split()[0]
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
    ]

    assert copied == ["requirements/run.txt", "dist/uploadfilter-*.whl"]
    assert (ROOT / copied[0]).is_file()
    assert any("--require-hashes" in rest for _, rest in instructions())


def test_image_runs_as_nobody_in_particular_and_needs_no_shell() -> None:
    """The user is a number other than root; commands are lists, not lines."""
    user, _, group = last("USER").partition(":")

    assert int(user) > 0
    assert int(group) > 0
    assert last("ENTRYPOINT").startswith("[")
    assert last("CMD").startswith("[")
    assert "CMD [" in last("HEALTHCHECK")
    assert last("STOPSIGNAL") == "SIGTERM"


def test_what_the_filter_writes_goes_to_volumes() -> None:
    """On a read-only file system the state and the spool have a place."""
    settings = dict(pair.split("=", 1) for pair in last("ENV").split())

    assert settings["UPLOADFILTER_STATE_DIR"] in last("VOLUME")
    assert settings["TMPDIR"] in last("VOLUME")
