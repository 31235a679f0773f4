"""The installed program reads its configuration again, and serves meanwhile."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.curl import put

pytestmark = pytest.mark.e2e


def reload(site: Stage, config: Path, text: str, event: str) -> dict[str, object]:
    """Write the file again and have it read; return the proxy's message."""
    known = len(site.proxy.events(event))
    config.write_text(text)
    site.proxy.process.send_signal(signal.SIGHUP)
    said = running.wait_for(
        lambda: site.proxy.events(event)[known:] or None, what=f"the event {event}"
    )
    return said[0]


def test_mode_and_routes_change_while_the_proxy_runs(
    state: Path, tmp_path: Path
) -> None:
    """MONITOR becomes ENFORCE, a broken file changes nothing, a route is exempt."""
    listed = pictures.listed()
    import_set(state, write_set(state / "demo.jsonl", listed), enforced=True)
    config = tmp_path / "uploadfilter.toml"
    config.write_text('mode = "monitor"\n')
    enforce = 'mode = "enforce"\n'
    route = '[[routes]]\nname = "free"\npath = "/files/free"\nexempt = true\n'
    with stage(tmp_path, "--config", str(config)) as site:
        assert put(site.url("/files/a.jpg"), listed).status == 201
        said = reload(site, config, enforce, "reload_applied")
        assert said["keys"] == ["mode"]
        assert put(site.url("/files/b.jpg"), listed).status == 403
        said = reload(site, config, enforce + "lissen = 1", "reload_refused")
        assert f"{config}:2: unknown key 'lissen'" in str(said["problems"])
        assert put(site.url("/files/c.jpg"), listed).status == 403
        reload(site, config, enforce + route, "reload_applied")
        assert put(site.url("/files/free"), listed).status == 201
        # An origin may read this one as the other: no exemption for it.
        assert put(site.url("/files/./free"), listed).status == 403
        said = reload(site, config, "instance = 'x'", "reload_needs_restart")
        assert said["keys"] == ["instance"]
        (record,) = site.log("--records", "decision", "--limit", "2")[:1]

    assert (record["reason"], record["verdict"]) == ("exempt", "INCONCLUSIVE")
    assert record["effect"] == "ACCEPT"


def test_configuration_is_checked_and_shown(tmp_path: Path) -> None:
    """Without a service: the faults, and the settings that would be in force."""
    config = tmp_path / "uploadfilter.toml"
    config.write_text('origin = "http://127.0.0.1:81"\n')
    shown = running.run_program("config", str(config), state=tmp_path / "state")
    config.write_text("lissen = 1")
    checked = running.run_program(
        "config", "--check", str(config), state=tmp_path / "state", may_fail=True
    )

    assert b'url = "http://127.0.0.1:81"  # line 1' in shown.stdout
    assert checked.returncode == 2
    assert f"{config}:1: unknown key 'lissen'".encode() in checked.stderr


@pytest.mark.parametrize("with_file", [False, True])
def test_hang_up_of_a_terminal_ends_the_proxy_without_a_file_only(
    state: Path, tmp_path: Path, with_file: bool
) -> None:
    """Closing a terminal ends a command in it; a service reads its file again."""
    config, log = tmp_path / "uploadfilter.toml", tmp_path / "proxy.log"
    config.write_text('mode = "enforce"\n')
    options = ("--config", str(config)) if with_file else ()
    terminal, its_end = os.openpty()
    with log.open("wb") as output:
        proxy = subprocess.Popen(  # noqa: S603 -- our own program
            [
                *(running.program(), "serve", "--origin", "http://127.0.0.1:9"),
                *("--listen", "127.0.0.1:0", *options),
            ],
            env=running.environment(state),
            stdin=its_end,
            stdout=output,
            stderr=output,
        )
    try:
        running.said(proxy, log, lambda line: line["event"] == "listening" or None)
        proxy.send_signal(signal.SIGHUP)
        expected = "reload_applied" if with_file else "stopped"
        running.said(proxy, log, lambda line: line["event"] == expected or None)
        code = running.stop(proxy) if with_file else proxy.wait(running.STOP_DEADLINE_S)
        assert code == 0
    finally:
        running.stop(proxy)
        os.close(terminal)
        os.close(its_end)
