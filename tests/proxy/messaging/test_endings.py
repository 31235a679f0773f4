"""The close frames that each side gets."""

import pytest
from aiohttp import WSMsgType
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.model import Reason
from uploadfilter.proxy.inspecting.admission import TurnedAway
from uploadfilter.proxy.inspecting.commands import Answer
from uploadfilter.proxy.messaging.endings import (
    ORIGIN_LOST,
    Close,
    of_client,
    of_origin,
    passed_on,
    refused,
)


@given(st.integers(0, 6000) | st.none(), st.text(max_size=200) | st.none())
def test_frame_that_is_passed_on_can_be_sent(
    code: int | None, text: str | None
) -> None:
    """1005, 1006 and 1015 stand for the lack of a frame, and are in none."""
    close = passed_on(code, text)
    assert close.code in {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
    assert len(close.text) <= 123
    close.text.decode("utf-8")


def test_end_of_a_side_reaches_the_other_with_its_code() -> None:
    """Applications give codes of their own a meaning."""
    expected = Close(code=4001, text=b"full")
    for end in (of_client, of_origin):
        made = end(WSMsgType.CLOSE, 4001, "full")
        assert made.client == made.origin == expected


def test_broken_side_is_no_ordinary_end() -> None:
    """The origin must not take a lost client for one that has finished."""
    assert of_client(WSMsgType.CLOSED, None, None).origin.code == 1001
    assert of_origin(WSMsgType.ERROR, None, None) == ORIGIN_LOST


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, 1008), (400, 1008), (413, 1009), (503, 1013), (429, 1013)],
)
def test_code_says_whether_to_try_again(status: int, code: int) -> None:
    """A rejection is final, and a lack of room is not."""
    answer = Answer(status=status, reason=None)
    end = refused(answer, "the-id")
    assert (end.client.code, end.client.text) == (code, b"rejected: the-id")
    assert end.origin.code == 1001


def test_message_that_found_no_room_has_no_decision() -> None:
    """There is nothing that the client could quote."""
    end = refused(TurnedAway(reason=Reason.OVERLOADED, status=503), None)
    assert end.client == Close(code=1013, text=b"try again later")
