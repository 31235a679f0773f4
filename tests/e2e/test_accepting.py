"""On a route for pictures, every trick is a picture compared whole, or gets nowhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus import pictures
from tests.corpus.tricks import tricks
from tests.proxy.test_accepting import check_only_whole_pictures_pass, taking
from uploadfilter.contents.kinds.families import FileFamily

pytestmark = pytest.mark.e2e


def every_trick() -> Iterator[tuple[str, bytes]]:
    """Yield every trick, and each behind a picture."""
    target = tricks.photograph(tricks.TARGET_SEED)
    decoy = tricks.photograph(tricks.DECOY_SEED)
    plain = pictures.jpeg(decoy)
    for trick in tricks.TRICKS:
        body = trick.make(target, decoy)
        yield trick.name, body
        yield f"{trick.name}-behind", plain + body


async def test_route_for_pictures_passes_no_trick_but_whole_pictures(
    tmp_path: Path,
) -> None:
    """The origin gets only pictures of which every frame and view was compared."""
    async with taking(tmp_path, FileFamily.PICTURES) as it:
        names = await check_only_whole_pictures_pass(it, every_trick())

    assert names
