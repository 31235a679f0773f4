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
    """With both defaults, a monitored set and MONITOR, a listed picture is counted.

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
        shown = running.run_program(
            "log", "totals", "--by", "preset", "--json", state=state
        )

    assert answers == [201, 201]
    assert (record["verdict"], record["action"]) == ("MATCH", "ACCEPT")
    assert (record["effect"], record["would"]) == ("ACCEPT", "REJECT")
    assert 'uploads_would_total{action="REJECT",reason="none"} 1.0' in metrics
    assert "0 rejected, 1 would be" in page
    assert json.loads(shown.stdout)["in_force"]["reject"] == 1


def wait_for_reading(admin: str, *, lacks: list[str]) -> dict[str, object]:
    """Wait until ``/readyz`` says which routes enforce nothing; return its answer."""

    def look() -> dict[str, object] | None:
        told = curl(f"{admin}/readyz").json()
        found = [item["lack"] for item in told["unenforced"]]
        return told if told["ready"] and found == lacks else None

    return running.wait_for(look, what=f"unenforced {lacks}")


def test_enforce_that_enforces_nothing_is_said_everywhere(
    state: Path, listed: Path
) -> None:
    """A new import keeps the choice; a choice that is given up is reported."""
    import_set(state, listed, enforced=True)
    with operated(state.parent, 'mode = "enforce"') as (site, admin):
        wait_for_reading(admin, lacks=[])
        import_set(state, listed)
        answers = [put(site.url("/files/a.jpg"), pictures.listed()).status]
        running.run_program("hashset", "enforce", "demo", "--off", state=state)
        told = wait_for_reading(admin, lacks=["monitored"])
        answers.append(put(site.url("/files/b.jpg"), pictures.listed()).status)
        metrics = curl(f"{admin}/metrics").body.decode()
        page = curl(f"{admin}/").body.decode()
        events = site.proxy.events("nothing_enforced")
        config = str(state.parent / "uploadfilter.toml")
        origin = f"{site.origin}"

    assert answers == [403, 201]
    assert told["ready"] is True
    assert 'unenforced_routes{lack="monitored"} 1.0' in metrics
    assert "ENFORCE rejects no match" in page
    assert [event["lack"] for event in events] == ["monitored"]
    (state.parent / "whole.toml").write_text(
        f'origin = "{origin}"\n{Path(config).read_text()}'
    )
    checked = [
        running.run_program(
            *("config", "--check", str(state.parent / "whole.toml"), *options),
            state=state,
            may_fail=True,
        )
        for options in ((), ("--strict",))
    ]
    assert [done.returncode for done in checked] == [0, 1]
    assert b"ENFORCE rejects no match" in checked[0].stderr


@pytest.mark.parametrize(
    ("imports", "text", "lack"),
    [
        pytest.param(False, 'mode = "enforce"', "entries", id="no-set"),
        pytest.param(
            True,
            'mode = "enforce"\n[[routes]]\nname = "all"\nmode = "monitor"',
            "routes",
            id="every-route-monitors",
        ),
        pytest.param(
            True,
            'mode = "enforce"\n[policy.categories]\ndemo = "accept"',
            "policy",
            id="category-accepted",
        ),
    ],
)
def test_enforcing_nothing_is_said_at_the_start(
    state: Path, listed: Path, imports: bool, text: str, lack: str
) -> None:
    """Whatever the cause, the operational log names it before the first upload."""
    if imports:
        import_set(state, listed, enforced=True)
    with operated(state.parent, text) as (site, _):
        (event,) = running.wait_for(
            lambda: site.proxy.events("nothing_enforced") or None, what="the event"
        )

    assert event["lack"] == lack
    assert event["hint"]
