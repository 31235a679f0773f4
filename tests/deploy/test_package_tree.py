"""The contents of the Debian package, without a machine on which it is installed."""

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.wheel import manuals
from tests.deploy.programs import made, shown
from tests.pages import links, resolves
from tests.repository import ROOT
from tests.sites.programs import debian
from uploadfilter.config.schema import keys

pytestmark = pytest.mark.e2e

MOST_MIB = 240
"""Most disk space of an installation; it takes 232 MiB, 69 of them DuckDB."""

FEWEST_LIBRARIES = 50
"""There are 78; far fewer would mean that they were looked for in a wrong place."""

RELEASE = manuals.Release(version="1.2.3", date="2026-11-28")

HOME = Path("usr/lib/uploadfilter")
DOCUMENTS = Path("usr/share/doc/uploadfilter")

OF_AN_EXTRA = "uploadfilter.lookback.dasking"
"""The module that only a cluster needs: the package has no extras."""

IMPORT_ALL = f"""
import importlib, pkgutil, uploadfilter
for module in pkgutil.walk_packages(uploadfilter.__path__, "uploadfilter."):
    if not module.name.endswith((".__main__", {OF_AN_EXTRA!r})):
        importlib.import_module(module.name)
        print(module.name)
"""

COMPLETE_IN_BASH = """
. "$1"
COMP_WORDS=(uploadfilter hashset im) COMP_CWORD=2
_uploadfilter_completion uploadfilter
echo "${COMPREPLY[@]}"
"""

COMPLETE_IN_ZSH = """
compdef() {}
_arguments() { print -r -- "$@" }
words=(uploadfilter hashset im) CURRENT=3
. "$1"
"""
"""Calls the file as zsh does at the first request, with what shows the answer."""

COMPLETE_IN_FISH = 'source "$argv[1]"; complete --do-complete "uploadfilter hashset im"'


def run(*command: str | Path, path: Path | None = None, said: int = 0) -> str:
    """Run a command to its end and return its output.

    Args:
        command: The command.
        path: A directory in which programs are looked for first.
        said: The exit code that is expected.
    """
    parts = [str(part) for part in command]
    searched = f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]
    done = subprocess.run(  # noqa: S603 - commands of the tests
        parts,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        cwd=ROOT,
        timeout=300,
        env={
            **os.environ,
            "PATH": searched,
            "LC_ALL": "C.UTF-8",
            "MANWIDTH": "80",
            # Nothing is kept among the unpacked files, which are weighed.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert done.returncode == said, shown(parts, done.stdout)
    return done.stdout.decode()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the files of the package, unpacked."""
    place = tmp_path_factory.mktemp("tree")
    run(
        debian("dpkg-deb", package="dpkg"), "--extract", made("UPLOADFILTER_DEB"), place
    )
    return place


@pytest.fixture(scope="module")
def programs(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the unpacked program as ``uploadfilter``."""
    place = tmp_path_factory.mktemp("bin")
    program = place / "uploadfilter"
    # The installed one names the interpreter by its installed path.
    parts = (tree / HOME / "bin/python3", tree / HOME / "bin/uploadfilter")
    program.write_text(f'#!/bin/sh\nexec "{parts[0]}" "{parts[1]}" "$@"\n')
    program.chmod(0o755)
    return place


def field(name: str) -> str:
    """Return a field of the package's control file."""
    return run("dpkg-deb", "--field", made("UPLOADFILTER_DEB"), name).strip()


def test_package_is_small(tree: Path) -> None:
    """Unneeded files are left out, and the package states its size."""
    used_kib = int(run("du", "-sk", tree).split()[0])

    assert used_kib <= MOST_MIB << 10
    assert abs(int(field("Installed-Size")) - used_kib) < used_kib // 50


def test_package_is_for_the_machine_of_its_libraries(tree: Path) -> None:
    """The architecture is that of everything that is compiled."""
    libraries = [p for p in tree.rglob("*.so*") if p.read_bytes()[:4] == b"\x7fELF"]
    # Bytes 18 and 19 of an ELF file say for which machine it is.
    machines = {path.read_bytes()[18:20] for path in libraries}

    assert machines == {Path(sys.executable).read_bytes()[18:20]}
    assert field("Architecture") == run("dpkg", "--print-architecture").strip()


def test_each_library_loads_with_what_is_left(tree: Path) -> None:
    """Removing names has damaged no library, and removed no needed name."""
    libraries = [p for p in (tree / HOME).rglob("*.so*") if not p.is_symlink()]
    program = "import ctypes, sys; [*map(ctypes.CDLL, sys.argv[1:])]"
    # Extensions find Python's functions in the program that loads them.
    run(tree / HOME / "bin/python3", "-I", "-c", program, *libraries)

    assert len(libraries) > FEWEST_LIBRARIES


def test_each_module_loads_with_what_is_left(tree: Path) -> None:
    """No module needs a file that was left out."""
    loaded = run(tree / HOME / "bin/python3", "-I", "-c", IMPORT_ALL).split()

    assert "uploadfilter.cli.serve" in loaded
    assert "uploadfilter.signals.hashes" in loaded


def test_demonstration_is_right_with_what_is_left(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads of each kind, a hash set and the log, with the unpacked program."""
    monkeypatch.setenv("UPLOADFILTER_PROGRAM", str(programs / "uploadfilter"))
    output = run(sys.executable, "-m", "deploy.demo.demo", "--once")

    assert "Result of each upload" in output


def test_each_command_has_a_page_that_renders(tree: Path) -> None:
    """``man`` shows the page of each command without a complaint."""
    man = debian("man", package="man-db")
    files = sorted((tree / "usr/share/man").glob("*/*"))
    expected = manuals.pages(RELEASE, ROOT / "docs/operating")
    output = run(man, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", *files)
    rendered = re.sub(r"\x1b\[\d*m", "", output)

    assert {path.name for path in files} == {f"{name}.gz" for name in expected}
    assert all(path.parent.name == f"man{path.stem[-1]}" for path in files)
    assert not re.search(r"(?m)^(man|troff|groff|grotty|an\.tmac)\b.*:", rendered)
    assert "uploadfilter hashset import [OPTIONS] FILE" in rendered


def test_each_setting_has_a_place_in_the_page_of_settings() -> None:
    """``man uploadfilter.toml`` tells every key of every table."""
    pages = manuals.pages(RELEASE, ROOT / "docs/operating")
    page = pages["uploadfilter.toml.5"].replace(r"\-", "-")
    names = {key.rpartition(".")[2] for key in keys()}

    assert [name for name in sorted(names) if rf"\fB{name}\fR" not in page] == []


def test_each_link_leads_to_a_page_of_the_package(tree: Path) -> None:
    """No page of the documentation refers to one that is not installed."""
    documents = (tree / DOCUMENTS).resolve()
    dead = [
        f"{page.relative_to(documents)}: {target}"
        for page in sorted(documents.rglob("*.md"))
        for target in links(page)
        if not resolves(page, target)
        or not (page.parent / target.partition("#")[0]).resolve().is_relative_to(tree)
    ]

    assert (documents / "docs/operating/README.md").exists()
    assert dead == []


def texts(tree: Path) -> Sequence[str]:
    """Return the files an operator reads first: settings, units, manuals, scripts."""
    files = [path for path in (tree / "etc").rglob("*") if path.is_file()]
    files += (tree / "usr/lib/systemd/system").iterdir()
    pages = [
        gzip.decompress(p.read_bytes()).decode()
        for p in (tree / "usr/share/man").glob("*/*")
    ]
    postinst = run("dpkg-deb", "--info", made("UPLOADFILTER_DEB"), "postinst")
    return (*(path.read_text() for path in files), *pages, postinst)


def test_what_is_referred_to_is_there(tree: Path) -> None:
    """Settings, manual pages and the text after the installation name real files."""
    named = {
        name.rstrip(".")
        for text in texts(tree)
        for name in re.findall(r"/usr/share/[\w./-]+", text.replace(r"\-", "-"))
    }

    assert f"/{DOCUMENTS}/docs/operating/README.md" in named
    assert [name for name in sorted(named) if not (tree / name[1:]).exists()] == []


def test_examples_are_there(tree: Path) -> None:
    """Settings for front ends, for monitoring and for log shipping are installed."""
    examples = tree / DOCUMENTS / "examples"
    folders = [folder for folder in examples.iterdir() if folder.is_dir()]
    there = {f"{folder.name}/{p.name}" for folder in folders for p in folder.iterdir()}

    assert there >= {
        "nginx/uploadfilter.conf",
        "nginx/bodies-only.conf",
        "haproxy/haproxy.cfg",
        "haproxy/bodies-only.cfg",
        "caddy/Caddyfile",
        "caddy/bodies-only.Caddyfile",
        "prometheus/alerts.yml",
        "grafana/uploadfilter.json",
        "log-shipping/rsyslog.conf",
    }


@pytest.mark.parametrize(
    ("shell", "file", "script"),
    [
        pytest.param(
            ("bash", "--norc", "-c"),
            "bash-completion/completions/uploadfilter",
            COMPLETE_IN_BASH,
            id="bash",
        ),
        pytest.param(
            ("zsh", "-f", "-c"),
            "zsh/vendor-completions/_uploadfilter",
            COMPLETE_IN_ZSH,
            id="zsh",
        ),
        pytest.param(
            ("fish", "--no-config", "-c"),
            "fish/vendor_completions.d/uploadfilter.fish",
            COMPLETE_IN_FISH,
            id="fish",
        ),
    ],
)
def test_shells_complete_commands(
    tree: Path, programs: Path, shell: Sequence[str], file: str, script: str
) -> None:
    """The files of the package complete a word that was begun, the first time."""
    installed = tree / "usr/share" / file
    name, *options = shell
    # fish has no name before the arguments.
    arguments = (installed,) if name == "fish" else (name, installed)
    output = run(
        debian(name, package=name), *options, script, *arguments, path=programs
    )

    assert "import" in output
    assert "rollback" not in output
    assert name != "zsh" or installed.read_text().startswith("#compdef uploadfilter\n")
