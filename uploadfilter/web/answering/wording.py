"""The texts for clients, in each language, with contacts for objections and reports.

``texts.load`` makes a ``Wording`` once, and every answer takes its words from it.
Nothing in it depends on an upload, so that the words are the same whatever the reason
of a rejection is.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import jinja2

from uploadfilter.contents.kinds.families import FileFamily
from uploadfilter.web.answering.languages import choose

OTHER_STATUS: Final = "other"
"""The texts for a status that has none of its own."""

PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "page.can_object": frozenset({"objection"}),
        "page.give_number": frozenset({"decision"}),
        "page.report_text": frozenset({"report"}),
        "status.503.text": frozenset({"seconds"}),
    }
)
"""Allowed placeholders in a text, by the text's name. All other texts have none: they
are also shown where there is no value for a placeholder."""

ACCEPTED: Final = "Accepted here: {}."
"""The English text that names what a route takes."""

_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s\"'<>]+")
_GROUP = re.compile("-|[^-]{1,4}-?")
"""People can read numbers out more easily in groups of four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The texts for one status.

    Attributes:
        heading: What happened, in a few words.
        text: What happened, in a sentence or two.
    """

    heading: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All texts in one language.

    Attributes:
        language: Language tag (RFC 5646).
        direction: ``ltr`` or ``rtl``.
        statuses: Words by HTTP status, and under ``other``.
        page: Texts of a page, by name.
        details: Faults of a request, by the English text for each; for a missing one
            the English text is used, marked as English.
        objection: Where to object: an address, a text, or empty.
        report: Where to report pictures of abuse; as ``objection``.
    """

    language: str
    direction: str
    statuses: Mapping[str, Words]
    page: Mapping[str, str]
    details: Mapping[str, str]
    objection: str
    report: str

    def words(self, status: int) -> Words:
        """Return the texts for a status."""
        return self.statuses.get(str(status)) or self.statuses[OTHER_STATUS]

    def detail(self, english: str) -> str:
        """Return the fault of a request; empty if this language has no text for it."""
        own = english if self.language == "en" else ""
        return self.details.get(english, own)

    def accepted(self, families: Collection[FileFamily]) -> str:
        """Return the words for accepted kinds; empty if this language lacks them."""
        sentence = self.detail(ACCEPTED)
        words = [self.detail(it.value) for it in FileFamily if it in families]
        has_all = bool(sentence and words) and all(words)
        return sentence.replace("{}", ", ".join(words)) if has_all else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """All languages, and the page that shows them.

    Attributes:
        catalogues: The catalogues by language tag.
        default: The tag for clients that ask for none of these languages.
        form: URL of the form for objections; empty for none.
        page_source: Text of the operator's own template; empty for the built-in one.
        template: The compiled page.
    """

    catalogues: Mapping[str, Catalogue]
    default: str
    form: str
    page_source: str
    # A compiled template equals only itself; its source is compared instead.
    template: jinja2.Template = field(compare=False, repr=False)

    def catalogue(self, accept_language: str) -> Catalogue:
        """Return the texts for a client that accepts these languages."""
        if not accept_language:  # as programs send it, hundreds a second in an overload
            return self.catalogues[self.default]
        tags = tuple(self.catalogues)
        return self.catalogues[choose(accept_language, tags, default=self.default)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The values for a template; ``docs/operating/answers.md`` lists every field.

    Attributes:
        language: Language tag of all texts.
        direction: ``ltr`` or ``rtl``.
        status: HTTP status.
        heading: What happened, in a few words.
        text: What happened, in a sentence or two.
        decision: Id of the decision on record; empty if there is none.
        objection: Where to object; empty except for a rejection by policy.
        report: Where to report; empty except for a rejection by policy.
        texts: The other texts of the page, by name.
        code: The code of the decision for the form at ``objection``; empty if no form
            is served.
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
    code: str = ""

    @property
    def decision_groups(self) -> list[str]:
        """The id in groups that can be read out; together they are the whole id."""
        return _GROUP.findall(self.decision)

    @property
    def code_groups(self) -> list[str]:
        """The code in groups that can be read out; together they are the whole code."""
        return _GROUP.findall(self.code)

    @property
    def objection_link(self) -> str:
        """The objection if it is a link; otherwise empty."""
        return _link(self.objection)

    @property
    def report_link(self) -> str:
        """The place to report if it is a link; otherwise empty."""
        return _link(self.report)


def filled(texts: Mapping[str, str], **values: str) -> dict[str, str]:
    """Return texts with their placeholders filled; texts with one were checked."""
    return {name: text.format_map(values) for name, text in texts.items()}


def _link(text: str) -> str:
    return text if _LINK.fullmatch(text) else ""
