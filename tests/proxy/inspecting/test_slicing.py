"""Pictures in slices of an unknown protocol are on record, and counted."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tests.proxy.counting.test_metrics import value
from tests.proxy.site import file_part, form, site
from tests.proxy.wire import status
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Action, Mode
from uploadfilter.proxy.routing.routes import Route

POLICY = Policy(truncated=Action.ACCEPT, undecodable=Action.ACCEPT)
ROUTES = (
    Route(name="strict", origin="default", path="/strict", mode=Mode.ENFORCE),
    Route(name="all", origin="default", mode=Mode.ENFORCE, policy=POLICY),
)


def photo() -> bytes:
    """Return a JPEG of many kilobytes."""
    rows = np.random.default_rng(7).integers(0, 256, (192, 256, 3), dtype=np.uint8)
    made = BytesIO()
    Image.fromarray(rows).save(made, "JPEG", quality=90)
    return made.getvalue()


async def test_slices_raise_an_alarm(tmp_path: Path) -> None:
    """As bodies and in forms, with others between; a rejected one is told."""
    data = photo()
    half = len(data) // 2
    async with site(tmp_path, routes=ROUTES) as made:
        for piece in (data, data[:half], b"{}", data[half:], data[half:]):
            assert status(await made.put(piece)) == 200
        await made.post_form(form(file_part(data[:half])))
        await made.post_form(form(file_part(data[half:])))
        answers = [
            status(await made.put(piece, target=b"/strict"))
            for piece in (data[:half], data[half:])
        ]
        decisions = made.decisions()
        assert made.service is not None
        metrics = made.service.watched.metrics
        passed = value(metrics, "sliced_pictures_total", effect="ACCEPT")
        rejected = value(metrics, "sliced_pictures_total", effect="REJECT")

    ids = [decision.id for decision in decisions]
    told = [
        decision.continues and ids.index(decision.continues) for decision in decisions
    ]
    # The rest of the first picture that came twice makes one with the next beginning.
    assert told == [None, None, None, 1, None, 4, None, None, 7]
    assert answers == [403, 200]
    assert (passed, rejected) == (2, 1)
