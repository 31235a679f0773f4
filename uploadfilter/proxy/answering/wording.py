"""What clients are told, in each language, and where people can object and report.

A ``Wording`` is made once, by ``texts.load``, and is all that an answer is worded with.
Nothing in it depends on an upload, so that whatever the reason of a rejection is, the
words are the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import jinja2

from uploadfilter.proxy.answering.languages import choose

OTHER_STATUS: Final = "other"
"""The words for a status that has none of its own."""

PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "page.can_object": frozenset({"objection"}),
        "page.give_number": frozenset({"decision"}),
        "page.report_text": frozenset({"report"}),
        "status.503.text": frozenset({"seconds"}),
    }
)
"""What may stand in braces in a text, by the text's name. In all others nothing may:
a text is shown also where there is nothing to put in its place."""

_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s\"'<>]+")
_GROUP = re.compile("-|[^-]{1,4}-?")
"""People read numbers out by four, and keep their place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said of one status.

    Attributes:
        heading: What happened, in a few words.
        text: What happened, in a sentence or two.
    """

    heading: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that is said in one language.

    Attributes:
        language: Language tag (RFC 5646).
        direction: ``ltr`` or ``rtl``.
        statuses: Words by HTTP status, and under ``other``.
        page: Texts of a page, by name.
        details: What may be wrong with a request, by the English words for it; the
            English words themselves stand for those that are not there, in English.
        objection: Where to object: an address, a text, or empty.
        report: Where to report what people come across; as ``objection``.
    """

    language: str
    direction: str
    statuses: Mapping[str, Words]
    page: Mapping[str, str]
    details: Mapping[str, str]
    objection: str
    report: str

    def words(self, status: int) -> Words:
        """Return what is said of a status."""
        return self.statuses.get(str(status)) or self.statuses[OTHER_STATUS]

    def detail(self, english: str) -> str:
        """Return what was wrong with a request; empty if this language lacks words."""
        own = english if self.language == "en" else ""
        return self.details.get(english, own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """All languages, and the page that they stand on.

    Attributes:
        catalogues: By language tag.
        default: The tag for clients that ask for no language that there is.
        page_source: Text of the operator's own template; empty for ours.
        template: The page.
    """

    catalogues: Mapping[str, Catalogue]
    default: str
    page_source: str
    # A compiled template equals nothing but itself; its source says it all.
    template: jinja2.Template = field(compare=False, repr=False)

    def catalogue(self, accept_language: str) -> Catalogue:
        """Return what is said to a client that accepts these languages."""
        tags = tuple(self.catalogues)
        return self.catalogues[choose(accept_language, tags, default=self.default)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a template gets; ``docs/operating/answers.md`` names every field.

    Attributes:
        language: Language tag of all texts.
        direction: ``ltr`` or ``rtl``.
        status: HTTP status.
        heading: What happened, in a few words.
        text: What happened, in a sentence or two.
        decision: Id of the decision on record; empty if there is none.
        objection: Where to object; empty but for a rejection by policy.
        report: Where to report; likewise.
        texts: The other texts of the page, by name.
    """

    language: str
    direction: str
    status: int
    heading: str
    text: str
    decision: str
    objection: str
    report: str
    texts: Mapping[str, str]

    @property
    def decision_groups(self) -> list[str]:
        """The id in pieces that can be read out, which make it up without a gap."""
        return _GROUP.findall(self.decision)

    @property
    def objection_link(self) -> str:
        """The objection if it is something to follow; else empty."""
        return _link(self.objection)

    @property
    def report_link(self) -> str:
        """The place to report if it is something to follow; else empty."""
        return _link(self.report)


def filled(texts: Mapping[str, str], **values: str) -> dict[str, str]:
    """Return texts with their placeholders filled; those that have one are checked."""
    return {name: text.format_map(values) for name, text in texts.items()}


def _link(text: str) -> str:
    return text if _LINK.fullmatch(text) else ""
