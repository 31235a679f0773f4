"""Place and spools of an upload: released once, the last first, even after errors."""

import pytest

from uploadfilter.inspection.held import Held


def test_everything_is_released_once_the_last_first() -> None:
    """The end of the block releases nothing twice."""
    ends: list[str] = []
    with Held() as held:
        held.until_released(lambda: ends.append("place"))
        held.until_released(lambda: ends.append("spool"))
        held.release()
        before = list(ends)

    assert before == ends == ["spool", "place"]


def test_end_that_fails_keeps_nothing_back() -> None:
    """A place must not be lost because a file could not be closed."""
    ends: list[str] = []

    def fail() -> None:
        raise OSError("it cannot be closed")

    held = Held()
    held.until_released(lambda: ends.append("place"))
    held.until_released(fail)
    with pytest.raises(OSError, match="cannot be closed"):
        held.release()

    assert ends == ["place"]
