"""The plan of an inspection: everything that is special is known before the body."""

import msgspec
import pytest

from uploadfilter.decisions.policy import Policy
from uploadfilter.inspection.planning import InspectionPlan
from uploadfilter.model import Mode
from uploadfilter.uploads.body.extractors import FormExtractor, RawExtractor
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan
from uploadfilter.uploads.limits import UploadLimits

FORM = InspectionPlan(
    body=BodyPlan(kind=BodyKind.FORM, boundary=b"b0undary"),
    mode=Mode.ENFORCE,
    policy=Policy(),
    limits=UploadLimits(),
    keeps_slices=True,
)
RAW = msgspec.structs.replace(FORM, body=BodyPlan(kind=BodyKind.RAW))


@pytest.mark.parametrize(
    ("plan", "extractor", "may_be_slice"),
    [
        pytest.param(FORM, FormExtractor, True, id="form"),
        pytest.param(RAW, RawExtractor, False, id="raw"),
        pytest.param(
            msgspec.structs.replace(FORM, exempt=True), type(None), False, id="exempt"
        ),
    ],
)
def test_plan_chooses_the_extractor(
    plan: InspectionPlan, extractor: type, *, may_be_slice: bool
) -> None:
    """Only a form may be a slice, and what is exempt is not read."""
    assert isinstance(plan.extractor(), extractor)
    assert plan.may_be_slice is may_be_slice
