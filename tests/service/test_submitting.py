"""Checkpoints of a real log, submitted to real witnesses and to one that lies."""

from pathlib import Path
from shutil import copytree, rmtree

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.decisions.files.trees import compare, end_of, more, tree_of
from tests.decisions.logs import NOON
from tests.decisions.tree.keys import WITNESS
from tests.decisions.tree.witness import NOW, Witness
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.tree.notes import Note, TreeHead
from uploadfilter.decisions.tree.submitting import (
    SIZE_TYPE,
    Cosigning,
    KnownWitness,
)
from uploadfilter.service.submitting import Submitting
from uploadfilter.web.clients.addresses import TCPAddress
from uploadfilter.web.serving import serving


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a log with a signed tree of more than one tile."""
    made = tmp_path / "main/log"
    more(made, 300)
    tree_of(made).grow(end_of(made))
    return made


class Told:
    """A log's submissions, and what came of them."""

    def __init__(self, directory: Path, *witnesses: KnownWitness) -> None:
        self.results: list[Cosigning] = []
        self.directory = directory
        self.witnesses = witnesses

    async def submit(self) -> list[Cosigning]:
        """Submit the newest checkpoint; return what came of it."""
        self.results.clear()
        made = Submitting(self.directory, self.witnesses, tell=self.results.append)
        with capture_logs() as logged:
            await made.submit()
        for event in logged:
            if event["event"] == "checkpoint_not_cosigned":
                assert event["error"]
        return list(self.results)

    def grow(self, count: int = 10, *, now: float = NOON) -> None:
        """Append records, and sign the tree."""
        more(self.directory, count, now=now)
        tree_of(self.directory).grow(end_of(self.directory))

    @property
    def cosigned(self) -> list[Note]:
        """The kept checkpoints."""
        paths = sorted((self.directory / "tree/cosigned").glob("*.note"))
        return [Note.parse(path.read_bytes()) for path in paths]


@pytest.fixture
def keepers(directory: Path) -> list[Witness]:
    """Return two witnesses of the log."""
    key = TreeFiles(directory).public_key()
    assert key is not None
    return [Witness(name, key) for name in ("a.example", "b.example")]


async def test_each_witness_signs_what_grows(
    directory: Path, keepers: list[Witness]
) -> None:
    """Over checkpoints, and the same one again; the kept notes verify the log."""
    async with keepers[0].heard() as first, keepers[1].heard() as second:
        told = Told(directory, first, second)
        for count in (1, 250, 7):
            assert await told.submit() == [Cosigning.COSIGNED] * 2
            told.grow(count)
        assert await told.submit() == [Cosigning.COSIGNED] * 2
        assert await told.submit() == [Cosigning.COSIGNED] * 2

    heads = {TreeHead.parse(note.text) for note in told.cosigned}
    assert heads == {keepers[0].latest}
    assert {it.public.signed_time(told.cosigned[0]) for it in keepers} == {
        None,
        NOW,
    }
    report = compare(directory, witnessed=told.cosigned)
    assert not report.findings
    assert report.witnessed == (report.size,)


async def test_sizes_are_agreed_on_after_a_loss(
    directory: Path, keepers: list[Witness]
) -> None:
    """The log forgets what a witness signed, or its file is damaged."""
    async with keepers[0].heard() as witness:
        told = Told(directory, witness)
        await told.submit()
        (path,) = (directory / "tree/cosigned").glob("*.note")
        for lost in (b"", path.read_bytes()[:-9], None):
            path.write_bytes(lost) if lost is not None else path.unlink()
            told.grow()
            assert await told.submit() == [Cosigning.COSIGNED]


async def test_log_that_was_set_back_is_found_out(
    directory: Path, keepers: list[Witness], tmp_path: Path
) -> None:
    """A copy from before the last checkpoint, and the other history that follows."""
    copy = tmp_path / "kept"
    copytree(directory.parent, copy)
    async with keepers[0].heard() as witness:
        told = Told(directory, witness)
        told.grow(20)
        assert await told.submit() == [Cosigning.COSIGNED]
        rmtree(directory.parent)
        copytree(copy, directory.parent)
        assert await told.submit() == [Cosigning.AHEAD]
        for _ in range(2):
            told.grow(20, now=NOON + 1)
            assert await told.submit() == [Cosigning.CONTRADICTED]


async def test_witness_that_forgot_is_told_of(
    directory: Path, keepers: list[Witness]
) -> None:
    """It signs anew, and so it could sign a second history."""
    async with keepers[0].heard() as witness:
        told = Told(directory, witness)
        assert await told.submit() == [Cosigning.COSIGNED]
        keepers[0].latest = None
        told.grow()
        assert await told.submit() == [Cosigning.FORGOT, Cosigning.COSIGNED]
        assert await told.submit() == [Cosigning.COSIGNED]


async def test_witness_that_lies_or_is_down(directory: Path) -> None:
    """Nothing is kept of it; a long answer is cut, a redirect is not followed."""
    answers: list[web.Response] = [
        web.Response(text=WITNESS.sign("other\n1\nAAAA\n", time_s=1).line),
        web.Response(body=b"x" * 1_000_000),
        web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"}),
        web.Response(status=409, body=b"7\n", headers={"Content-Type": SIZE_TYPE}),
        web.Response(status=409, body=b"9\n", headers={"Content-Type": SIZE_TYPE}),
    ]

    async def lie(_request: web.BaseRequest) -> web.StreamResponse:
        return answers.pop(0)

    address = TCPAddress(host="127.0.0.1", port=0)
    async with serving(lie, address, who="a liar", hint="") as bound:
        told = Told(directory, KnownWitness(f"http://{bound}", WITNESS.verifier))
        assert await told.submit() == [Cosigning.INVALID]
        assert await told.submit() == [Cosigning.INVALID]
        assert await told.submit() == [Cosigning.REFUSED]
        assert await told.submit() == [Cosigning.INVALID]
    assert not answers
    assert await told.submit() == [Cosigning.UNREACHABLE]
    assert not told.cosigned


async def test_damaged_tree_is_not_submitted(
    directory: Path, keepers: list[Witness]
) -> None:
    """No proof can be made from it; a log without a tree has nothing to submit."""
    async with keepers[0].heard() as witness:
        told = Told(directory, witness)
        await told.submit()
        told.grow()
        for tile in (directory / "tree/tile/0").rglob("*"):
            if tile.is_file():
                tile.write_bytes(b"")
        assert await told.submit() == []
        (directory / "tree/checkpoint").write_bytes(b"")
        assert await told.submit() == []
        rmtree(directory / "tree")
        assert await told.submit() == []
