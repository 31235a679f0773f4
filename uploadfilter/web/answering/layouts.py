"""Compile the page for answers: the built-in one, or one of the operator's.

Rules this module keeps: everything is escaped; a template can read no file and use
nothing except its ``page``, and gets nothing that differs from one rendering to the
next, so that all rejections stay alike. A page of the operator's is rendered in every
case when the service starts.
"""

import html
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Final

import jinja2
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from uploadfilter.errors import ConfigError
from uploadfilter.web.answering.wording import Catalogue, Page, filled

_OURS: Final = "built-in.html"
"""The name by which a page of the operator's can extend the built-in one."""

_OWN: Final = "answer.html"
_DECISION: Final = "20260101-0123456789abcdef0123"
_CODE: Final = "0123456789abcdef0123456789abcdef"
_OBJECTION: Final = "https://example.org/objection?a=1&b=2"
_REPORT: Final = "https://example.org/report?a=1&b=2"
_TAG = re.compile(r"<[^>]*>")
_NO_FIELD = re.compile(r"'[\w.]+ object' has no attribute")
"""Jinja's message, whose class name would mean nothing to an operator."""

# The errors that rendering a template can raise.
_FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@cache
def built_in() -> jinja2.Template:
    """Return the built-in page."""
    return _environment("").get_template(_OURS)


def own(
    path: Path, source: str, catalogues: Iterable[Catalogue], *, has_form: bool = False
) -> jinja2.Template:
    """Return a page of the operator's, rendered once in every case.

    Args:
        path: Its path, for the message.
        source: The template.
        catalogues: The languages that it will be in.
        has_form: Whether rejections will name a code, which the page must show then.

    Raises:
        ConfigError: It cannot be rendered, or leaves out a required part.
    """
    try:
        environment = _environment(source)
        _check_escaping(path, environment.parse(source))
        template = environment.get_template(_OWN)
        for page in _cases(catalogues, has_form=has_form):
            _check(path, page, template.render(page=page))
    except jinja2.TemplateSyntaxError as exc:
        raise ConfigError(
            f"{path}: line {exc.lineno}: {exc.message}",
            hint="Templates are written in the language of Jinja.",
        ) from exc
    except (jinja2.TemplateError, *_FAILURES) as exc:
        why = _NO_FIELD.sub("page has no field", str(exc))
        raise ConfigError(
            f"{path}: cannot be rendered: {why}",
            hint="docs/operating/answers.md, 'Texts of answers', "
            "names every field of page.",
        ) from exc
    return template


def _environment(source: str) -> jinja2.Environment:
    ours = resources.files("uploadfilter.web.answering") / "pages" / "answer.html"
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.DictLoader(
            {_OURS: ours.read_text(encoding="utf-8"), _OWN: source}
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    # With them two rejections could differ, or texts could stay unescaped.
    for name in ("random", "safe"):
        del environment.filters[name]
    environment.globals.pop("lipsum")
    return environment


def _check_escaping(path: Path, parsed: jinja2.nodes.Template) -> None:
    """Refuse a page that inserts values without escaping them."""
    switch = parsed.find(jinja2.nodes.EvalContextModifier)
    if switch is not None:
        raise ConfigError(
            f"{path}: line {switch.lineno}: autoescape is not allowed",
            hint="Remove it: the page receives plain texts, which must be escaped.",
        )


def _cases(catalogues: Iterable[Catalogue], *, has_form: bool) -> Iterator[Page]:
    """Yield a page of every language and status, with and without all places."""
    for catalogue in catalogues:
        texts = filled(
            catalogue.page, decision=_DECISION, objection=_OBJECTION, report=_REPORT
        )
        page = Page(
            language=catalogue.language,
            direction=catalogue.direction,
            status=0,
            heading="",
            text="",
            decision="",
            objection="",
            report="",
            texts=texts,
        )
        for status, words in catalogue.statuses.items():
            number = int(status) if status.isdigit() else 499
            said = replace(page, status=number, heading=words.heading, text=words.text)
            for decision in ("", _DECISION):
                yield replace(said, decision=decision)
            if number == HTTPStatus.FORBIDDEN:
                rejection = replace(said, decision=_DECISION)
                yield from _rejections(rejection)
                if has_form:
                    yield replace(rejection, objection=_OBJECTION, code=_CODE)


def _rejections(page: Page) -> Iterator[Page]:
    for objection, report in itertools.product(("", _OBJECTION), ("", _REPORT)):
        yield replace(page, objection=objection, report=report)


def _check(path: Path, page: Page, rendered: str) -> None:
    """Refuse a page that leaves out what people need, or has no language."""
    shown = html.unescape(_TAG.sub("", rendered))
    wanted = {
        "page.heading": page.heading,
        "page.decision": page.decision,
        "page.objection": page.objection,
        "page.code": page.code,
        "page.report": page.report,
    }
    for name, value in wanted.items():
        if value not in shown:
            raise ConfigError(
                f"{path}: a page with status {page.status} does not show {name}",
                hint=f"Show {{{{ {name} }}}} wherever it is not empty.",
            )
    if f'lang="{page.language}"' not in rendered:
        raise ConfigError(
            f"{path}: the page does not state its language",
            hint='Begin it with <html lang="{{ page.language }}" '
            'dir="{{ page.direction }}">.',
        )
