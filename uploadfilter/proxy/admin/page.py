"""Render the operator's page."""

from functools import cache
from typing import Final

import jinja2

from uploadfilter.proxy.admin.charts import HEIGHT, WIDTH
from uploadfilter.proxy.admin.facts import Facts
from uploadfilter.web.serving import SHARED

STATIC: Final = {**SHARED, "page.js": ("uploadfilter.proxy.admin", "text/javascript")}
"""The files beside the page: the package that each is in, and its media type."""


def render(facts: Facts) -> str:
    """Render the page."""
    return _template().render(facts=facts, width=WIDTH, height=HEIGHT)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("uploadfilter.proxy.admin", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("operator.html")
