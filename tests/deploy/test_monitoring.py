"""Dashboard, alerts and documents agree with the metrics, and promtool reads them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.programs import DEPLOY, shown
from tests.forms.objections import NOON_S, objection
from tests.proxy.admin.desk import watched
from tests.proxy.site import exact_entry, list_entries
from tests.repository import ROOT, anchors, first_cells, operating
from tests.sites.programs import debian, run
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.sending import notice_message
from uploadfilter.forms.store import FormStore
from uploadfilter.proxy.admin.gauges import Gauges, register
from uploadfilter.proxy.assembling.usage import StoreEvent
from uploadfilter.scanners.pool.settings import PoolFigures
from uploadfilter.web.counting.labels import Limit, Phase, Reload, RequestKind

PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "uploadfilter.json"
RULES = PROMETHEUS / "alerts.yml"

OF_PROMETHEUS = frozenset({"instance", "job", "le"})
"""Labels that Prometheus gives by itself, or that only histograms have."""

_METRIC = re.compile(r"\b((?:uploadfilter|process)_[a-z_]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!=|!~|=)")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


async def exposition(state: Path) -> str:
    """Return the metrics of a proxy with one request behind it."""
    list_entries(state, [exact_entry(1, b"a")])
    async with watched(state) as proxy:
        proxy.metrics.answered(RequestKind.PASSED, 200)
        proxy.reference.current()
        health = proxy.health()
        await health.look()
        register(proxy.metrics.registry, Gauges(proxy, health))
        return proxy.metrics.exposition().decode()


def of_forms(folder: Path) -> str:
    """Return the metrics of the forms, with something that waits."""
    registry = CollectorRegistry()
    metrics = FormMetrics(registry)
    with FormStore(folder / "objections.db") as store:
        store.receive(objection(instance=None, evidence=()))
        store.send(notice_message({"where": "x"}, now=NOON_S, language="en"))
        metrics.show(store.count(now=0))
    return generate_latest(registry).decode()


def families(text: str) -> dict[str, set[str]]:
    """Return the metrics of an exposition by name, with the names of their labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = {label for sample in family.samples for label in sample.labels}
    return found


def rules() -> list[dict[str, Any]]:
    """Return the alerts."""
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> Iterator[str]:
    """Yield every expression of the dashboard and of the alerts."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (item["expr"] for item in dashboard["annotations"]["list"])
    yield from (rule["expr"] for rule in rules())


async def test_expressions_name_metrics_that_exist(tmp_path: Path) -> None:
    """Charts and alerts use only metrics that the proxy exposes."""
    known = families(await exposition(tmp_path)) | families(of_forms(tmp_path))
    unknown = {
        (name, label)
        for expression in expressions()
        for name, labels in _METRIC.findall(expression)
        for label in (*_LABEL.findall(labels), "")
        if _SUFFIX.sub("", name) not in known
        or (label and label not in known[_SUFFIX.sub("", name)] | OF_PROMETHEUS)
    }

    assert unknown == set()


async def test_each_metric_is_explained_to_operators(tmp_path: Path) -> None:
    """``docs/operating/monitoring.md`` has every metric, and no other."""
    explained = {
        word
        for word in first_cells(operating("Metrics"))
        if word.startswith(("uploadfilter_", "process_"))
    }

    assert explained == set(families(await exposition(tmp_path)))


async def test_each_label_is_explained_to_operators(tmp_path: Path) -> None:
    """The row of a metric names its labels."""
    rows = [row.split("|") for row in operating("Metrics").splitlines()]
    explained = {
        name: set(re.findall(r"`([a-z_]+)`", row[2]))
        for row in rows
        if len(row) > 3
        for name in re.findall(r"`((?:uploadfilter|process)_[a-z_]+)`", row[1])
    }
    for name, labels in families(await exposition(tmp_path)).items():
        assert labels - OF_PROMETHEUS <= explained[name], name


def test_each_value_of_a_label_is_explained_to_operators() -> None:
    """Every value of a label can be looked up."""
    words = set(re.findall(r"`([a-z_0-9]+)`", operating("Metrics")))
    pool = PoolFigures.__dataclass_fields__
    values = {*RequestKind, *Phase, *StoreEvent, *Limit, *Reload, *pool}

    assert values - words == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """An alert has a severity, a summary, and a section for the person it wakes."""
    page, _, anchor = rule["annotations"]["runbook"].partition("#")

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert page.startswith("docs/operating/")
    assert anchor in anchors(ROOT / page)


def test_each_panel_is_in_its_place() -> None:
    """No panel of the dashboard covers another, and each has a description."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y)
            for x in range(place["w"])
            for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert panel["type"] == "row" or panel["description"], panel["title"]
        taken |= cells

    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.e2e
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_promtool_accepts_the_files(arguments: tuple[str, ...]) -> None:
    """Prometheus reads them, and the alerts fire in the intended cases."""
    command = (debian("promtool", package="promtool"), *arguments)
    done = run(*command, cwd=PROMETHEUS, may_fail=True)

    assert done.returncode == 0, shown(command, done.stdout + done.stderr)


@pytest.mark.e2e
async def test_promtool_accepts_the_metrics(tmp_path: Path) -> None:
    """Names, units and texts are as Prometheus wants them."""
    command = (debian("promtool", package="promtool"), "check", "metrics")
    told = await exposition(tmp_path)
    done = run(*command, data=told.encode(), may_fail=True)

    assert (done.returncode, done.stdout) == (0, b""), shown(command, done.stderr)
