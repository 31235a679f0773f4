"""The status of a rejection is the operator's choice, and nothing depends on it."""

import ipaddress
import json
from pathlib import Path

import pytest

from tests.proxy.site import exact_entry, settings, site
from tests.proxy.wire import status
from uploadfilter.model import REFUSALS, Action, Mode, Reason
from uploadfilter.rejections import REJECT_STATUSES, Outcome, outcome_by
from uploadfilter.web.answering import texts
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route

BODY = b"a listed body"
OBJECTION = "https://site.example/objection"
SIGNED = b"Authorization: AWS key:signature"
TRUSTED = (ipaddress.ip_network("127.0.0.1"),)
CLIENT = b"X-Forwarded-For: 192.0.2.1"


def route(reject_status: int) -> Route:
    """Return a route for everything."""
    return Route(
        name="all",
        origin=DEFAULT_ROUTE,
        mode=Mode.ENFORCE,
        reject_status=reject_status,
    )


@pytest.mark.parametrize(
    ("effect", "reason", "expected"),
    [
        (Action.ACCEPT, None, Outcome.ACCEPTED),
        (Action.ACCEPT, Reason.UNDECODABLE, Outcome.ACCEPTED),
        (Action.RETRY_LATER, Reason.NO_SCANNER, Outcome.LATER),
        (Action.RETRY_LATER, None, Outcome.LATER),
        (Action.REJECT, None, Outcome.REJECTED),
        (Action.REJECT, Reason.UNDECODABLE, Outcome.REJECTED),
        (Action.REJECT, Reason.PIECEWISE_UPLOAD, Outcome.REFUSED),
        *((Action.REJECT, reason, Outcome.REFUSED) for reason in sorted(REFUSALS)),
    ],
)
def test_outcome_follows_from_effect_and_reason(
    effect: Action, reason: Reason | None, expected: Outcome
) -> None:
    """No status is needed to tell a rejection from a refusal or a fault."""
    assert outcome_by(effect, reason) is expected


@pytest.mark.parametrize("reject_status", sorted(REJECT_STATUSES))
async def test_rejection_is_the_same_with_each_status(
    tmp_path: Path, reject_status: int
) -> None:
    """Words, record and the match budget follow the outcome."""
    async with site(
        tmp_path,
        listed=(exact_entry(1, BODY),),
        routes=(route(reject_status),),
        trusted_proxies=TRUSTED,
        proxy=ProxyLimits(match_budget=2),
        wording=texts.load(objection=OBJECTION),
    ) as it:
        rejected = await it.put(BODY, CLIENT)
        to_s3 = await it.put(BODY, CLIENT, SIGNED)
        beyond_the_budget = await it.put(b"another body", CLIENT)
        record = it.decisions()[0]
    problem = json.loads(rejected.partition(b"\r\n\r\n")[2])

    assert [status(it) for it in (rejected, to_s3)] == [reject_status] * 2
    assert problem["status"] == record.status == reject_status
    assert problem["objection"] == OBJECTION
    assert b"<Code>AccessDenied</Code>" in to_s3
    assert record.is_rejection
    assert status(beyond_the_budget) == 429


@pytest.mark.parametrize("wrong", [200, 404, 503])
def test_status_that_says_something_else_is_refused(tmp_path: Path, wrong: int) -> None:
    """No client takes a rejection for a success, or tries it again."""
    with pytest.raises(ValueError, match="reject_status"):
        settings(tmp_path, "http://127.0.0.1:1", routes=(route(wrong),))
