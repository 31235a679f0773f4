"""An unknown key leads to the intended one, or to none."""

import pytest

from uploadfilter.config import schema
from uploadfilter.config.meanings import MEANINGS, meant


@pytest.mark.parametrize(
    ("table", "name", "hint"),
    [
        pytest.param(("policy",), "match", "[policy.categories]", id="match"),
        pytest.param(
            ("routes", 0, "policy"), "match", "[policy.categories]", id="route"
        ),
        pytest.param(("policy",), "low_qualty", "policy.low_quality", id="typo"),
        pytest.param(("policy",), "nearmatch", "policy.near_match", id="no-underscore"),
        pytest.param(("proxy",), "origin", "above the first table", id="origin"),
        pytest.param(("limits",), "mode", "above the first table", id="mode"),
        pytest.param(("spool",), "limits", "a table of its own", id="table"),
        pytest.param(
            ("limits",), "content_cpu", "[budgets] content_cpu_s", id="elsewhere"
        ),
        pytest.param(("proxy",), "head_bytes", "fixed value", id="fixed"),
        pytest.param(("origins", "cdn"), "idle_timeout_s", "fixed", id="fixed-origin"),
        pytest.param(("routes", 1, "limits"), "max_files", "fixed", id="fixed-route"),
        pytest.param(("policy",), "too_deep", "over_budget", id="grouped"),
        pytest.param(("policy",), "crashed", "always rejected", id="no-choice"),
        pytest.param(("scanner",), "slow_lane", "from workers", id="derived"),
        pytest.param(("origins", "x"), "whole_chain", "client alone", id="of-origin"),
        pytest.param((), "client_groups", "front end", id="at-the-top"),
        pytest.param((), "port", 'listen = "HOST:PORT"', id="port"),
        pytest.param((), "upstream", "origin =", id="upstream"),
        pytest.param((), "tls", "front end", id="tls"),
        pytest.param(("log",), "retention", "days_with_match", id="retention"),
        pytest.param(("limits",), "colour", "Known keys: ", id="nothing-like-it"),
    ],
)
def test_suggestion(table: tuple[str | int, ...], name: str, hint: str) -> None:
    """Keys of other programs, keys of other tables, and typing errors."""
    room = schema.TABLES.get(str(table[-1])) if table else None
    known = schema.fields_of(room) if room else schema.TOP

    assert hint in meant(name, known, table)


def test_no_key_that_exists_is_explained_as_another() -> None:
    """A list made by hand must not become outdated."""
    assert not MEANINGS.keys() & {*schema.keys(), *schema.TOP}
