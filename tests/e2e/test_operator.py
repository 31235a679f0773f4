"""An operator's way through the program: what it says must be what it does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.curl import curl, put

pytestmark = pytest.mark.e2e


@contextmanager
def operated(folder: Path, text: str = "") -> Iterator[tuple[Stage, str]]:
    """Run a proxy on a file of settings; yield it and the URL of its admin listener."""
    config = folder / "uploadfilter.toml"
    config.write_text(f'{text}\n[admin]\nlisten = "127.0.0.1:0"\n')
    with stage(folder, "--config", str(config)) as site:
        (event,) = site.proxy.events("admin_listening")
        yield site, f"http://{event['address']}"


@pytest.fixture
def listed(state: Path) -> Path:
    """Return a hash set that lists one picture."""
    return write_set(state.parent / "demo.jsonl", pictures.listed())


def test_pilot_counts_what_would_be_rejected(state: Path, listed: Path) -> None:
    """Both defaults, a monitored set and MONITOR: a listed picture counts all the same.

    It is counted in the log, in the metrics and on the operator's page, as it would be
    rejected if the set were enforced and the mode ENFORCE.
    """
    import_set(state, listed)
    with operated(state.parent) as (site, admin):
        answers = [put(site.url("/files/a.jpg"), pictures.listed()).status]
        answers.append(put(site.url("/files/b.jpg"), pictures.unlisted()).status)
        (record,) = site.log("--would", "reject")
        metrics = curl(f"{admin}/metrics").body.decode()
        page = curl(f"{admin}/").body.decode()
        shown = running.run_program("config", "presets", "--json", state=state)

    assert answers == [201, 201]
    assert (record["verdict"], record["action"]) == ("MATCH", "ACCEPT")
    assert (record["effect"], record["would"]) == ("ACCEPT", "REJECT")
    assert 'uploads_would_total{action="REJECT",reason="none"} 1.0' in metrics
    assert "0 rejected, 1 would be" in page
    assert json.loads(shown.stdout)["in_force"]["reject"] == 1
