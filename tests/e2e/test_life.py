"""The life of a proxy: start, changes while it runs, failures, end."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import Stage, import_set, log, stage, write_set
from tests.e2e.curl import put, sha256
from tests.e2e.processes import children, wait_until_gone
from uploadfilter.web.requests.limits import ProxyLimits

pytestmark = pytest.mark.e2e

ENFORCE = ("--mode", "enforce")


def upload_until(site: Stage, status: int, content: bytes) -> None:
    """Upload again and again until the answer has a status."""
    running.wait_for(
        lambda: put(site.url("/files/a.jpg"), content).status == status or None,
        what=f"an answer with {status}",
    )


def test_missing_reference_set_is_answered_503(tmp_path: Path) -> None:
    """Nothing is uploaded unchecked; the client may try again later."""
    with stage(tmp_path, *ENFORCE) as site:
        answer = put(site.url("/files/a.jpg"), pictures.unlisted())
        published = site.published()

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert published == {}


def test_proxy_takes_up_a_reference_set_that_appears(tmp_path: Path) -> None:
    """``init`` ends the 503s of a running proxy, without a restart."""
    with stage(tmp_path, *ENFORCE) as site:
        upload_until(site, 503, pictures.unlisted())
        running.run_program("init", state=site.state)
        upload_until(site, 201, pictures.unlisted())


def test_import_takes_effect_while_the_proxy_runs(state: Path) -> None:
    """An imported picture is rejected, and after its removal it passes again."""
    hash_set = write_set(state / "demo.jsonl", pictures.listed())
    with stage(state.parent, *ENFORCE) as site:
        upload_until(site, 201, pictures.listed())
        import_set(state, hash_set, enforced=True)
        upload_until(site, 403, pictures.listed())
        running.run_program("hashset", "remove", "demo", "--yes", state=state)
        upload_until(site, 201, pictures.listed())


def test_unsigned_set_only_monitors(state: Path) -> None:
    """Without ``hashset enforce`` a match is recorded, and rejects nothing."""
    hash_set = write_set(state / "demo.jsonl", pictures.listed())
    import_set(state, hash_set)
    with stage(state.parent, *ENFORCE) as site:
        answer = put(site.url("/files/a.jpg"), pictures.listed())
        decision = site.published()["a.jpg"]["decision"]
        (record,) = site.log("--id", decision, "--records", "decision")

    assert answer.status == 201
    assert record["effect"] == "ACCEPT"
    assert {match["state"] for match in record["matches"]} == {"monitored"}


def test_monitor_mode_records_what_enforce_would_do(state: Path) -> None:
    """In MONITOR, the default, everything passes and the record holds the action."""
    hash_set = write_set(state / "demo.jsonl", pictures.listed())
    import_set(state, hash_set, enforced=True)
    with stage(state.parent) as site:
        answer = put(site.url("/files/a.jpg"), pictures.listed())
        decision = site.published()["a.jpg"]["decision"]
        (record,) = site.log("--id", decision, "--records", "decision")

    assert answer.status == 201
    assert (record["mode"], record["verdict"]) == ("MONITOR", "MATCH")
    assert (record["action"], record["effect"]) == ("REJECT", "ACCEPT")


def test_origin_that_is_down_is_answered_502(state: Path) -> None:
    """The client learns that the site failed, and the record has the outcome."""
    with running.proxy(
        "http://127.0.0.1:9", state=state, log=state / "proxy.log"
    ) as proxy:
        answer = put(f"{proxy.url}/files/a.jpg", pictures.unlisted())
        outcomes = running.wait_for(
            lambda: log(state, "--records", "outcome") or None, what="an outcome"
        )

    assert answer.status == 502
    assert [record["outcome"] for record in outcomes] == ["aborted"]


def test_sigterm_ends_the_proxy_cleanly(state: Path) -> None:
    """After SIGTERM: exit code 0, an intact log, and no remaining scanner."""
    with stage(state.parent, *ENFORCE) as site:
        put(site.url("/files/a.jpg"), pictures.unlisted())
        scanners = children(site.proxy.process.pid)
        code = running.stop(site.proxy.process)
        verified = running.run_program("verify", state=state)

    assert code == 0
    assert b"verified" in verified.stdout
    assert site.proxy.events("stopped")
    assert scanners
    wait_until_gone(scanners)


def test_clients_that_leave_right_after_their_answers_are_let_go(state: Path) -> None:
    """``curl`` does so: its connection is over, and no stop waits for it.

    The end arrives at some moment between the answer and the wait for the next request;
    many clients find each of these moments.
    """
    with stage(state.parent, *ENFORCE) as site:
        ends = [leave_after_answer(site.url("/files/a.txt")) for _ in range(60)]

    assert ends == [b""] * 60


def leave_after_answer(url: str) -> bytes:
    """Upload, end our side as soon as the answer is there; return what follows.

    Raises:
        TimeoutError: The other side is still open after half of ``half_closed_s``.
    """
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 0)
    with socket.create_connection(address, ProxyLimits().half_closed_s / 2) as client:
        head = f"PUT {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        client.sendall(f"{head}Content-Length: 2\r\n\r\nhi".encode())
        answer = http.client.HTTPResponse(client)
        answer.begin()
        answer.read()
        client.shutdown(socket.SHUT_WR)
        assert answer.status == 201
        return client.recv(1)


def test_second_proxy_on_one_instance_is_refused(state: Path) -> None:
    """Two writers would break the chain of the log; the second one says so."""
    with stage(state.parent) as site:
        arguments = ("serve", "--origin", site.origin, "--listen", "127.0.0.1:0")
        second = running.run_program(*arguments, state=state, may_fail=True)
        other = ("--instance", "other")
        third = running.proxy(
            site.origin, state=state, log=state / "third.log", options=other
        )
        with third as proxy:
            answer = put(f"{proxy.url}/files/a.jpg", pictures.unlisted())

    assert second.returncode == 2
    assert second.stderr.startswith(b"uploadfilter: ")
    assert b"Traceback" not in second.stderr
    assert answer.status == 201


def test_port_in_use_is_refused(state: Path) -> None:
    """The message names the address, and there is no traceback."""
    with stage(state.parent) as site:
        address = site.origin.removeprefix("http://")
        arguments = ("serve", "--origin", site.origin, "--listen", address)
        done = running.run_program(
            *arguments, "--instance", "other", state=state, may_fail=True
        )

    assert done.returncode == 2
    assert address.rpartition(":")[2].encode() in done.stderr
    assert b"Traceback" not in done.stderr


def test_killed_proxy_leaves_no_upload_without_a_record(state: Path) -> None:
    """Whenever it is killed, what the origin has was decided and is on record."""
    content = pictures.unlisted()
    with stage(state.parent, *ENFORCE) as site:
        reached = threading.Semaphore(0)

        def upload(number: int) -> None:
            for turn in range(50):
                url = site.url(f"/files/{number}-{turn}.jpg")
                with contextlib.suppress(OSError, http.client.HTTPException):
                    running.request(url, method="PUT", body=content)
                reached.release()

        threads = [threading.Thread(target=upload, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            reached.acquire()
        site.proxy.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
        published = site.published()
        # The next start moves a torn end aside, and completes unfinished records.
        with running.proxy(site.origin, state=state, log=state / "second.log"):
            decided = {record["id"] for record in log(state, "--records", "decision")}
        verified = running.run_program("verify", state=state)

    assert len(published) >= 10 - len(threads)
    assert {file["decision"] for file in published.values()} <= decided
    assert {file["sha256"] for file in published.values()} == {sha256(content)}
    assert b"verified" in verified.stdout


def test_configuration_file_is_enough(state: Path, tmp_path: Path) -> None:
    """``serve --config`` needs no other option, and options win over the file."""
    config = tmp_path / "uploadfilter.toml"
    with running.origin(tmp_path / "uploads", log=tmp_path / "origin.log") as origin:
        config.write_text(f'origin = "{origin}"\nmode = "enforce"\n')
        options = ("--config", str(config))
        with running.proxy(
            origin, state=state, log=tmp_path / "proxy.log", options=options
        ) as proxy:
            (listening,) = proxy.events("listening")

    assert listening["mode"] == "ENFORCE"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param('colour = "red"', "colour", id="unknown-key"),
        pytest.param("origin = ", "uploadfilter.toml", id="not-toml"),
    ],
)
def test_bad_configuration_names_the_key(
    state: Path, tmp_path: Path, text: str, named: str
) -> None:
    """An unusable configuration is refused before anything starts."""
    config = tmp_path / "uploadfilter.toml"
    config.write_text(text)
    done = running.run_program(
        "serve", "--config", str(config), state=state, may_fail=True
    )

    assert done.returncode == 2
    assert named.encode() in done.stderr
    assert b"Traceback" not in done.stderr


def test_operational_log_is_json_and_names_no_client(state: Path) -> None:
    """Off a terminal each line is an object with an event, and none has an address."""
    with stage(state.parent) as site:
        put(site.url("/files/holiday-at-the-lake.jpg"), pictures.unlisted())
        running.stop(site.proxy.process)
        lines = site.proxy.log.read_text().splitlines()

    assert all("event" in json.loads(line) for line in lines)
    assert not any("holiday-at-the-lake" in line for line in lines)


def test_ctrl_c_in_an_import_changes_nothing(state: Path, tmp_path: Path) -> None:
    """An import that is interrupted in a file does not change the reference set."""
    pipe = tmp_path / "list"
    os.mkfifo(pipe)
    arguments = ("hashset", "import", str(pipe), "--name", "x", "--category", "1")
    importing = subprocess.Popen(  # noqa: S603 -- our own program
        [running.program(), *arguments],
        env=running.environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with importing, pipe.open("wb", buffering=0) as file:
        # More than a pipe holds, so that the program has read some of it by then.
        for number in range(10_000):
            file.write(b"%032x\n" % (number + 1))
        importing.send_signal(signal.SIGINT)
        _, err = importing.communicate(timeout=60)
    listed = running.run_program("hashset", "list", "--json", state=state)

    assert importing.returncode == 130
    assert b"Traceback" not in err
    assert json.loads(listed.stdout) == {
        "generation": 1,
        "lack": "entries",
        "sets": [],
    }


def test_hang_up_leaves_the_proxy_up(state: Path) -> None:
    """A signal to read settings again must not lose uploads."""
    with stage(state.parent) as site:
        site.proxy.process.send_signal(signal.SIGHUP)
        running.wait_for(
            lambda: site.proxy.events("hangup_ignored") or None, what="a warning"
        )
        assert put(site.url("/files/a.jpg"), pictures.unlisted()).status == 201
