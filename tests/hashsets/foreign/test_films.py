"""Frames of films, as vPDQ writes them."""

import json
import random

import pytest

from uploadfilter.hashsets.foreign.films import MOST_FRAMES, film_of
from uploadfilter.hashsets.tally import Problem


def value(seed: int, *, width: int = 32) -> bytes:
    """Return a PDQ value; each seed gives a different one."""
    return random.Random(seed).randbytes(width)  # noqa: S311 - the same each time


def compact(*frames: tuple[bytes, int]) -> str:
    """Return frames, each with its quality, as later releases write them."""
    return json.dumps([f"{it.hex()},{quality},1.0" for it, quality in frames])


def numbered(*frames: tuple[bytes, int]) -> str:
    """Return the same as earlier releases wrote it."""
    made = enumerate(frames)
    return json.dumps(
        {n: {"hash": it.hex(), "quality": q, "timestamp": 1.0} for n, (it, q) in made}
    )


ONE, TWO = value(1), value(2)
NEAR_ONE = bytes([ONE[0] ^ 0xFF]) + ONE[1:]


@pytest.mark.parametrize("write", [compact, numbered])
def test_frames_that_differ_are_kept(write: object) -> None:
    """Each says of how many it is one."""
    assert callable(write)
    text = write(
        (ONE, 100), (NEAR_ONE, 90), (bytes(32), 100), (value(3), 49), (TWO, 50)
    )

    assert film_of(text) == [
        {"type": "pdq", "value": ONE.hex(), "quality": 100, "window": "film:2"},
        {"type": "pdq", "value": TWO.hex(), "quality": 50, "window": "film:2"},
    ]


def test_long_film_is_kept_in_even_steps() -> None:
    """A line of our own format holds all its frames."""
    made = film_of(compact(*((value(it), 100) for it in range(2 * MOST_FRAMES))))

    assert isinstance(made, list)
    assert len(made) == MOST_FRAMES
    assert {it["window"] for it in made} == {f"film:{MOST_FRAMES}"}
    assert made[1]["value"] == value(2).hex()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(compact((ONE, 100)), Problem.NOT_COMPARED, id="one"),
        pytest.param("[]", Problem.NOT_COMPARED, id="none"),
        pytest.param("[", Problem.NOT_JSON, id="cut-off"),
        pytest.param("\udc80", Problem.NOT_JSON, id="no-text"),
        pytest.param("[" * 9999, Problem.NOT_JSON, id="deep"),
        pytest.param(None, Problem.BAD_FIELD, id="nothing"),
        pytest.param("7", Problem.BAD_FIELD, id="number"),
        pytest.param("[7]", Problem.BAD_FIELD, id="no-frame"),
        pytest.param('{"0":7}', Problem.BAD_FIELD, id="no-object"),
        pytest.param('{"0":{"quality":7}}', Problem.BAD_FIELD, id="no-hash"),
        pytest.param('["00,9,0"]', Problem.BAD_FIELD, id="short"),
        pytest.param('["é,9,0"]', Problem.BAD_FIELD, id="no-hex"),
        pytest.param(compact((ONE, 101)), Problem.BAD_FIELD, id="quality"),
    ],
)
def test_other_texts_are_refused(text: object, problem: Problem) -> None:
    """Each fault is counted by its kind, and nothing is raised."""
    assert film_of(text) is problem
