"""``uploadfilter doctor``: one line for each check, and the exit code."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.running import Terminal
from tests.issuing.offices import Office, line_of
from tests.proxy.site import exact_entry, list_entries, site
from tests.syncing.moments import epoch_s
from tests.syncing.sites import Site
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.signedsets import canaries


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration file beside a state directory with one entry."""
    list_entries(tmp_path / "state", [exact_entry(1, b"listed")])
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    path = tmp_path / "uploadfilter.toml"
    path.write_text('origin = "http://127.0.0.1:9"\n')
    return path


def test_installation_that_does_not_run_yet_has_warnings_only(
    file: Path, terminal: Terminal
) -> None:
    """A warning does not change the exit code, and says what to do."""
    assert terminal.run("doctor", "--config", str(file)) == 0
    out = terminal.read().out

    assert "ok       scanners" in out
    assert "warning  decision log" in out
    assert "FAILED" not in out


def test_json_names_what_failed(file: Path, terminal: Terminal) -> None:
    """Programs get area, grade, text and hint apart; a failure ends with 1."""
    file.write_text(file.read_text() + "[admin]\nlisten = '127.0.0.1:1'\n")
    code = terminal.run("doctor", "--json", "--config", str(file))
    told = json.loads(terminal.read().out)
    bad = [it for it in told["checks"] if it["grade"] == "failed"]

    assert (code, told["healthy"]) == (1, False)
    assert [it["area"] for it in bad] == ["proxy"]
    assert all(it["hint"] for it in bad)


def test_unusable_configuration_does_not_hide_the_rest(
    file: Path, terminal: Terminal
) -> None:
    """Each mistake is a line, and what does not depend on it is checked."""
    file.write_text('origin = "x"\nlissen = 1\n')
    code = terminal.run("doctor", "--config", str(file))
    out = terminal.read().out

    assert code == 1
    assert out.count("FAILED   configuration") == 2
    assert "ok       reference set" in out
    assert "ok       scanners" in out


def test_only_what_is_named_is_checked(file: Path, terminal: Terminal) -> None:
    """A broken configuration does not matter to what depends on the state alone."""
    file.write_text('origin = "x"\n')
    words = ("doctor", "--json", "--config", str(file))
    assert terminal.run(*words, "--only", "reference", "--only", "state") == 0
    checks = json.loads(terminal.read().out)["checks"]
    assert [it["area"] for it in checks] == ["state directory", "reference set"]
    assert terminal.run(*words, "--only", "disk") == 1
    checks = json.loads(terminal.read().out)["checks"]
    assert {it["area"] for it in checks} == {"configuration"}
    assert terminal.run(*words, "--only", "front end") == 2
    assert "Areas are configuration, state, reference" in terminal.read().err
    assert terminal.run(*words, "--url", "nowhere") == 2


async def test_fault_of_file_and_proxy_is_said_once(
    tmp_path: Path, terminal: Terminal
) -> None:
    """A set that is only monitored is one fault, with one remedy."""
    state = tmp_path / "state"
    list_entries(state, [exact_entry(1, b"x")], enforced=False)
    path = tmp_path / "uploadfilter.toml"
    admin = AdminSettings(listen="127.0.0.1:0")
    async with site(state, listed=None, admin=admin) as it:
        assert it.service is not None
        path.write_text(
            f"origin = '{it.origin.url}'\nmode = 'enforce'\nstate = '{state}'\n"
            f"[admin]\nlisten = '{it.service.admin}'\n"
        )
        words = ("doctor", "--config", str(path), "--only")
        both = (*words, "configuration", "--only", "proxy")
        out = ""
        while "ready, says" not in out:
            await asyncio.to_thread(terminal.run, *words, "proxy")
            out = terminal.read().out
        await asyncio.to_thread(terminal.run, *both)
        together = terminal.read().out

    for said in (out, together):
        faults = [it for it in said.splitlines() if it.startswith("warning")]
        assert sum("every hash set is only monitored" in it for it in faults) == 1


async def test_canary_through_the_front_door(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each set finds it; what lists none, what is wrong, and who is down is said."""
    state = tmp_path / "state"
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(state))
    office = Office(tmp_path / "office", epoch_s=epoch_s())
    office.issue(line_of("a", 1))
    operator = Site(state, office)
    operator.sync()

    async def send(*words: str) -> tuple[int, str]:
        command = ("doctor", "--only", "canary", *words)
        code = await asyncio.to_thread(terminal.run, *command)
        return code, terminal.read().out

    async with site(state, listed=None) as it:
        code, out = await send()
        assert (code, "warning  canary" in out) == (0, True)
        assert "unit7 lists no canary" in out
        assert "no set in force lists a canary: NO_MATCH" in out
        office.canaries = canaries.entries()
        office.issue()
        operator.sync()
        code, out = await send("--url", f"http://127.0.0.1:{it.port}/x")
        assert (code, "found by unit7: MATCH on route 'default'" in out) == (0, True)
        assert "rejected" in out
        terminal.read()
        await asyncio.to_thread(terminal.run, "hashset", "list", "unit7")
        assert "canary found at" in terminal.read().out
        (state / "canary.key").rename(state / "kept.key")
        (state / "canary.key").write_bytes(bytes(32))
        code, out = await send()
        assert code == 1
        assert "answered 400, but no proxy of this state directory has it" in out
        assert "or another program answers there" in out
        assert it.origin.got == []
    (state / "canary.key").unlink()
    code, out = await send()
    assert (code, "no proxy of this release" in out) == (1, True)
    (state / "kept.key").rename(state / "canary.key")
    code, out = await send()
    assert (code, "no answer from" in out) == (1, True)
    for path in state.glob("instances/*/listening"):
        path.unlink()
    code, out = await send()
    assert (code, "FAILED   canary" in out, "--url" in out) == (1, True, True)
