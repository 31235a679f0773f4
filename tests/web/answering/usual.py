"""The outcome that usually has a status."""

from http import HTTPStatus

from uploadfilter.rejections import Outcome


def outcome(status: int) -> Outcome:
    """Return the outcome that the proxy answers by this status."""
    if status == HTTPStatus.FORBIDDEN:
        return Outcome.REJECTED
    return Outcome.REFUSED if status <= HTTPStatus.NOT_IMPLEMENTED else Outcome.LATER
