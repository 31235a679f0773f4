"""Lasting faults that uploads meet."""

from structlog.testing import capture_logs

from uploadfilter.inspection.uploadfaults import UploadFaults
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.origins.failing import OriginFailure


def test_origin_that_answers_again_is_told() -> None:
    """Each origin for itself; a slow one is another line than one that is down."""
    faults = UploadFaults(Metrics())
    with capture_logs() as events:
        faults.note_origin("a", OriginFailure.UNREACHABLE)
        faults.note_origin("a", OriginFailure.UNREACHABLE)
        faults.note_origin("a", OriginFailure.TOO_SLOW)
        faults.note_origin("b", OriginFailure.UNREACHABLE)
        faults.note_origin("b", object())

    told = [(item["origin"], item["failure"]) for item in events]
    assert told == [("a", "unreachable"), ("a", "too_slow"), ("b", "unreachable")]
    assert faults.lasting == {("origin_failed", "a"), ("origin_failed", "b")}
