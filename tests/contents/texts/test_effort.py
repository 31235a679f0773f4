"""A budget ends."""

import pytest

from uploadfilter.contents.texts.effort import Effort, SpentError


def test_effort_is_spent_when_it_is_used_up_and_not_before() -> None:
    """All steps may be taken, in any portions."""
    effort = Effort(5)
    effort.take(2)
    effort.take(3)

    with pytest.raises(SpentError):
        effort.take(1)


def test_effort_that_is_given_may_be_spent() -> None:
    """A nested content adds to it."""
    effort = Effort(1)
    effort.give(2)
    effort.take(3)
