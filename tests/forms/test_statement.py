"""Tests of uploadfilter.forms.statement: valid in the schema of the database."""

import json
from datetime import UTC, datetime

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.decisions.logs import NOON, REJECTED, decision
from tests.forms.schema import validator
from uploadfilter.decisions.records.records import DecisionRecord, moment
from uploadfilter.forms.statement import (
    COUNTRIES,
    SourceType,
    StatementSettings,
    needs_statement,
    statement_of,
)
from uploadfilter.model import Action, Reason, Verdict

LATEST = datetime(2037, 12, 31, tzinfo=UTC).timestamp()


def rejected(verdict: Verdict = Verdict.MATCH, *, now: float = NOON) -> DecisionRecord:
    """Return a rejection of content."""
    return replace(
        decision("20261128-" + "0" * 20, REJECTED),
        verdict=verdict,
        action=Action.REJECT,
        effect=Action.REJECT,
        status=403,
        time=moment(now),
    )


texts = st.text(min_size=1, max_size=500)


@given(
    verdict=st.sampled_from((Verdict.MATCH, Verdict.INCONCLUSIVE)),
    now=st.floats(NOON, LATEST),
    ground=texts,
    explanation=texts,
    countries=st.sets(st.sampled_from(sorted(COUNTRIES))),
    source=st.sampled_from(SourceType),
    later=st.one_of(st.none(), st.floats(-1e6, 1e6)),
)
def test_every_statement_is_valid(
    verdict: Verdict,
    now: float,
    ground: str,
    explanation: str,
    countries: set[str],
    source: SourceType,
    later: float | None,
) -> None:
    """Whatever was rejected, whenever, and whatever the operator says about it."""
    settings = StatementSettings(
        legal_ground=ground,
        explanation=explanation,
        terms_ground=ground,
        terms_explanation=explanation,
        territorial_scope=tuple(countries),
        source_type=source,
    )
    ended = None if later is None else moment(now + later)
    found = statement_of(rejected(verdict, now=now), settings, ended=ended)

    validator().validate(json.loads(json.dumps(found)))
    assert str(found["application_date"]) <= str(
        found.get("end_date_visibility_restriction", "9")
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("puid", "with space"),
        ("category", "STATEMENT_CATEGORY_X"),
        ("decision_visibility", "DECISION_VISIBILITY_CONTENT_REMOVED"),
        ("automated_detection", True),
        ("illegal_content_explanation", ""),
        ("application_date", "28-11-2026"),
        ("surprise", 1),
        ("incompatible_content_ground", "both"),
    ],
)
def test_schema_refuses_other_values(key: str, value: object) -> None:
    """The schema of these tests is no rubber stamp."""
    found = {**statement_of(rejected(), StatementSettings()), key: value}

    with pytest.raises(jsonschema.ValidationError):
        validator().validate(found)


def test_statement_discloses_nothing_of_the_list() -> None:
    """It is published: no set, no entry, no distance, no client."""
    record = rejected()
    told = json.dumps(statement_of(record, StatementSettings()))

    assert record.matches
    for match in record.matches:
        assert match.set not in told
        assert match.entry not in told
    assert str(record.client) not in told
    assert record.id in told


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"territorial_scope": ("NL", "US")}, "'US'"),
        ({"legal_ground": ""}, "legal_ground must have 1 to 500"),
        ({"explanation": "x" * 2001}, "explanation must have 1 to 2000"),
    ],
)
def test_settings_that_would_be_refused_later(
    values: dict[str, object], message: str
) -> None:
    """They are refused when the file is read, not when a statement is sent."""
    with pytest.raises(ValueError, match=message):
        StatementSettings(**values)  # type: ignore[arg-type] # on purpose


def test_only_rejections_of_content_need_a_statement() -> None:
    """An accepted upload, and a request that was malformed, restrict nobody."""
    accepted = replace(rejected(), action=Action.ACCEPT, effect=Action.ACCEPT)
    malformed = replace(
        rejected(Verdict.INCONCLUSIVE), status=400, reason=Reason.MALFORMED_FORM
    )

    assert needs_statement(rejected())
    for record in (accepted, malformed):
        assert not needs_statement(record)
        with pytest.raises(ValueError, match="no rejection"):
            statement_of(record, StatementSettings())
