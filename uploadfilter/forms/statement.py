"""The statement of reasons of a rejection, as Article 17 of the DSA asks for it.

Its fields and values are those of the API of the EU's transparency database (DSA
Transparency Database, API v1: ``StatementStoreRequest.php`` and ``Statement.php`` of
github.com/digital-services-act/transparency-database at commit 69e80a0b of 2026-06-24).
``tests/vectors/dsa/statement.schema.json`` says the same as a JSON Schema; the tests
validate every statement against it.

Rules this module keeps: it is pure; a statement has no personal data, and nothing about
the list: no set, no entry, no distance (Article 24(5) makes statements public).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import Verdict

MOST_IN_ONE_CALL: Final = 100
"""Statements that the database takes in one call."""

_MOST_GROUND: Final = 500
_MOST_EXPLANATION: Final = 2000

_CODES: Final = """
AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE
IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK
"""

COUNTRIES: Final = frozenset(_CODES.split())
"""Countries of the European Economic Area, as the database names them."""


class SourceType(StrEnum):
    """What led to the decision, in the words of the database."""

    ARTICLE_16 = "SOURCE_ARTICLE_16"
    TRUSTED_FLAGGER = "SOURCE_TRUSTED_FLAGGER"
    OTHER = "SOURCE_TYPE_OTHER_NOTIFICATION"
    VOLUNTARY = "SOURCE_VOLUNTARY"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSettings:
    """What a statement of reasons says that the filter does not know.

    Attributes:
        legal_ground: The law that makes a listed picture illegal. The default is that
            of the Netherlands.
        explanation: Why the content is illegal on that ground.
        terms_ground: The clause of your terms by which a file is rejected that cannot
            be inspected.
        terms_explanation: Why such a file does not fit this clause.
        territorial_scope: Countries in which the file is not shown, by two letters;
            empty for all of the European Economic Area, since nothing is stored at all.
        source_type: What led to the decision: ``SOURCE_VOLUNTARY`` if you run the
            filter of your own will, else ``SOURCE_ARTICLE_16``,
            ``SOURCE_TRUSTED_FLAGGER`` or ``SOURCE_TYPE_OTHER_NOTIFICATION``.
    """

    legal_ground: str = "Article 252 of the Dutch Criminal Code"
    explanation: str = (
        "The file matches an entry of a list of pictures that this service treats as "
        "illegal on this ground."
    )
    terms_ground: str = "The terms of service, on files that cannot be checked"
    terms_explanation: str = (
        "The file could not be checked automatically, so it was not accepted."
    )
    territorial_scope: tuple[str, ...] = ()
    source_type: SourceType = SourceType.VOLUNTARY

    def __post_init__(self) -> None:
        """Refuse texts and countries that the database would refuse."""
        for name, most in (
            ("legal_ground", _MOST_GROUND),
            ("terms_ground", _MOST_GROUND),
            ("explanation", _MOST_EXPLANATION),
            ("terms_explanation", _MOST_EXPLANATION),
        ):
            if not 0 < len(getattr(self, name)) <= most:
                raise ValueError(f"{name} must have 1 to {most} characters")
        unknown = sorted(set(self.territorial_scope) - COUNTRIES)
        if unknown:
            raise ValueError(
                f"territorial_scope has {unknown[0]!r}, which is no country of the "
                "European Economic Area in two letters"
            )


def needs_statement(record: DecisionRecord) -> bool:
    """Return whether a decision rejected content, and not a faulty request."""
    return record.is_rejection


def statement_of(
    record: DecisionRecord,
    settings: StatementSettings,
    *,
    ended: datetime | None = None,
) -> dict[str, object]:
    """Return the statement of reasons of a rejection.

    Args:
        record: The decision.
        settings: The texts of the operator.
        ended: When an objection ended the restriction; ``None`` if none did.

    Raises:
        ValueError: The decision needs no statement.
    """
    if not needs_statement(record):
        raise ValueError(f"{record.id} is no rejection of content")
    day = record.time.astimezone(UTC).date()
    is_match = record.verdict is Verdict.MATCH
    found: dict[str, object] = {
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
        **(_of_match(settings) if is_match else _of_other(settings)),
        "territorial_scope": sorted(settings.territorial_scope or COUNTRIES),
        "content_date": _written(day),
        "application_date": _written(day),
        "decision_facts": _FACTS[is_match],
        "source_type": settings.source_type.value,
        "automated_detection": "Yes",
        "automated_decision": "AUTOMATED_DECISION_FULLY",
        "puid": record.id,
    }
    if ended is not None:
        end = max(day, ended.astimezone(UTC).date())
        found["end_date_visibility_restriction"] = _written(end)
    return found


_FACTS: Final = {
    True: (
        "An automatic check compared the uploaded file with a list of known pictures. "
        "It matched an entry, and the upload was rejected before anything was "
        "published or stored. No person saw the file. The uploader was told the number "
        "of the decision."
    ),
    False: (
        "An automatic check could not inspect the uploaded file to its end, and the "
        "upload was rejected before anything was published or stored. No person saw "
        "the file. The uploader was told the number of the decision."
    ),
}


def _of_match(settings: StatementSettings) -> dict[str, object]:
    return {
        "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
        "illegal_content_legal_ground": settings.legal_ground,
        "illegal_content_explanation": settings.explanation,
        "category": "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
        "category_specification": ["KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL"],
        "content_type": ["CONTENT_TYPE_IMAGE"],
    }


def _of_other(settings: StatementSettings) -> dict[str, object]:
    return {
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": settings.terms_ground,
        "incompatible_content_explanation": settings.terms_explanation,
        "incompatible_content_illegal": "No",
        "category": "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
        "category_specification": ["KEYWORD_OTHER"],
        "category_specification_other": "A file that cannot be inspected",
        "content_type": ["CONTENT_TYPE_OTHER"],
        "content_type_other": "A file that cannot be inspected",
    }


def _written(day: date) -> str:
    return day.isoformat()
