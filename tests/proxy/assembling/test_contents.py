"""The contents of uploads that are inspected together, and their pieces."""

from pathlib import Path

from tests.proxy.assembling.held import DATA, begun, put, stored
from uploadfilter.proxy.assembling.contents import joined_contents, pieces_of


async def test_pieces_are_those_of_all_uploads(tmp_path: Path) -> None:
    """Each upload is shown by itself, and has as many pieces as were committed."""
    store = stored(tmp_path)
    one, other = await begun(store, "a"), await begun(store, "b")
    for at in range(0, len(DATA), 10):
        await put(one, at, DATA[at : at + 10])
    await put(other, 0, DATA)

    contents = joined_contents([one, other])
    pieces = pieces_of([one, other], contents)
    assert b"".join([data async for data in contents.data]) == 2 * DATA
    assert pieces.shown == contents.shown == (len(DATA), len(DATA))
    assert (pieces.protocol, pieces.count) == ("tus", 4)
    for held in (one, other):
        await held.close()
