"""The tree of a decision log, read by the packages of Go's checksum database."""

from pathlib import Path

import pytest

from tests.decisions.files.trees import end_of, lines_of, more, tree_of
from tests.sites.programs import debian, missing, run

pytestmark = pytest.mark.e2e

SOURCE = Path(__file__).parent / "tlog/monitor.go"
GO_PACKAGES = Path("/usr/share/gocode")
APPENDED = (1, 253, 1, 450)
"""Records: a few, up to a tile that is nearly full, over its end, a second level."""


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiled monitor."""
    if not (GO_PACKAGES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        missing("golang.org/x/mod", cure="apt: golang-golang-x-mod-dev")
    program = tmp_path_factory.mktemp("tlog") / "monitor"
    without_modules = {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES)}
    go = debian("go", package="golang-go")
    run(go, "build", "-o", program, SOURCE, env=without_modules)
    return program


def watched(monitor: Path, log: Path, old: Path, lines: list[bytes]) -> tuple[int, str]:
    """Run the monitor; return its status and what it says."""
    tree = log / "tree"
    records = b"".join(line + b"\n" for line in lines)
    key = (tree / "key").read_text()
    done = run(monitor, tree, key, old, data=records, may_fail=True)
    return done.returncode, done.stdout.decode()


def test_each_leaf_and_checkpoint_verifies_in_go(monitor: Path, tmp_path: Path) -> None:
    """Signature, tiles, every proof of inclusion, and growth from each size before."""
    log, olds = tmp_path / "main/log", dict[int, Path]()
    for count in APPENDED:
        more(log, count)
        tree_of(log).grow(end_of(log))
        size = end_of(log).records
        olds[size] = tmp_path / f"checkpoint-{size}"
        olds[size].write_bytes((log / "tree/checkpoint").read_bytes())
        for before, old in olds.items():
            status, said = watched(monitor, log, old, lines_of(log))
            assert (status, said) == (0, f"{size} leaves continue {before}\n")


def test_changes_are_found_in_go(monitor: Path, tmp_path: Path) -> None:
    """A record, the end, a tile, and a checkpoint of another history."""
    log, other = tmp_path / "main/log", tmp_path / "other/log"
    for path in (log, other):
        more(path, 300)
        tree_of(path).grow(end_of(path))
    own, lines = log / "tree/checkpoint", lines_of(log)

    changed = [line.replace(b"m7", b"m8") for line in lines]
    assert changed != lines
    assert "inclusion" in watched(monitor, log, own, changed)[1]
    assert "size" in watched(monitor, log, own, lines[:-1])[1]
    assert watched(monitor, log, other / "tree/checkpoint", lines)[0] == 1
    tile = log / "tree/tile/0/000"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    assert watched(monitor, log, own, lines)[0] == 1
