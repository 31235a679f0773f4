"""The protocol of a witness, by real requests."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.decisions.tree.test_merkle import ROOTS
from tests.decisions.tree.test_witnessing import LOG, submitted
from tests.witness.test_keeping import NOW, opened
from uploadfilter.decisions.tree.notes import Note, Signer
from uploadfilter.decisions.tree.witnessing import (
    MOST_SUBMISSION_BYTES,
    PATH,
    SIZE_TYPE,
)
from uploadfilter.errors import ServiceError
from uploadfilter.witness.keeping import WitnessKeeper
from uploadfilter.witness.serving import listening

Asked = tuple[int, str, str]
"""Status, type and text of an answer."""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[WitnessKeeper, str]]:
    """Serve a witness; return it with its URL."""
    with opened(tmp_path / "w") as keeper:
        async with listening(keeper, "127.0.0.1", 0) as url:
            yield keeper, url


async def post(url: str, body: bytes, path: str = PATH) -> Asked:
    """Submit a body."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + path, data=body) as answer,
    ):
        return answer.status, answer.content_type, await answer.text()


async def test_log_that_grows_is_cosigned(served: tuple[WitnessKeeper, str]) -> None:
    """The answer is a line of signature; it may be put below the checkpoint."""
    keeper, url = served
    for old, size in ((0, 5), (5, 9), (9, 9)):
        item = submitted(old, size)
        status, _, text = await post(url, item.data)

        assert status == 200
        note = Note.parse(item.note.data + text.encode())
        assert keeper.public.signed_time(note) == int(NOW)


async def test_answers_of_the_specification(served: tuple[WitnessKeeper, str]) -> None:
    """Each refusal has its status; the size that is known comes in its own type."""
    _, url = served
    await post(url, submitted(0, 5).data)
    unknown = submitted(0, 5).data.replace(b"example.com/log\n", b"example.com/x\n")
    stranger = Signer(LOG.verifier.name, bytes(32))
    text = submitted(5, 9).note.text
    unsigned = b"old 5\n\n" + Note(text, (stranger.sign(text),)).data

    assert await post(url, submitted(0, 9).data) == (409, SIZE_TYPE, "5\n")
    assert (await post(url, unknown))[0] == 404
    assert (await post(url, unsigned))[0] == 403
    assert (await post(url, submitted(9, 5).data))[0] == 400
    assert (await post(url, b"hello"))[0] == 400
    assert (await post(url, submitted(5, 5, root=ROOTS[6]).data))[0] == 409
    assert (await post(url, submitted(5, 9, root=ROOTS[6]).data))[0] == 422
    assert (await post(url, bytes(MOST_SUBMISSION_BYTES + 1)))[0] == 413
    assert (await post(url, b"", "/"))[0] == 404
    async with aiohttp.ClientSession() as session, session.get(url + PATH) as answer:
        assert answer.status == 405
    assert (await post(url, submitted(5, 9).data))[0] == 200


async def test_damaged_note_is_the_witness_own_fault(
    served: tuple[WitnessKeeper, str], tmp_path: Path
) -> None:
    """500, and nothing is signed."""
    _, url = served
    await post(url, submitted(0, 5).data)
    (path,) = (tmp_path / "w").glob("*.note")
    path.write_bytes(b"")
    assert (await post(url, submitted(5, 9).data))[0] == 500


async def test_address_that_is_taken_is_said(
    served: tuple[WitnessKeeper, str],
) -> None:
    """The message names the remedy."""
    keeper, url = served
    port = int(url.rpartition(":")[2])
    with pytest.raises(ServiceError, match="cannot listen"):
        async with listening(keeper, "127.0.0.1", port):
            pass
