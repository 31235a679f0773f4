"""Programs of others ask the filter as if it were ClamAV's daemon."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, write_set
from tests.ports import free_port
from tests.sites.programs import debian, installed, run, server

pytestmark = pytest.mark.e2e

MOST_BYTES = 1_000_000
KNOWN = "Uploadfilter.Known.demo"
CUT = "Uploadfilter.Inconclusive.undecodable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A filter that takes a million bytes, and listens as ``clamd`` does.

    Attributes:
        address: Path of its socket, or ``HOST:PORT``.
        state: Its state directory.
    """

    address: str
    state: Path

    def methods(self) -> list[tuple[str, str, str | None]]:
        """Return method, effect and reason of each decision, in order."""
        records = log(self.state, "--records", "decision")
        return [(it["method"], it["effect"], it["reason"]) for it in records]


def daemon(folder: Path, address: str, listen: str) -> Iterator[Daemon]:
    """Run a filter without a proxy, with one picture listed."""
    state, config = folder / "state", folder / "filter.toml"
    running.run_program("init", state=state)
    entries = write_set(folder / "set.jsonl", pictures.listed())
    import_set(state, entries, enforced=True)
    config.write_text(f"limits.max_body_bytes = {MOST_BYTES}\n")
    command = [running.program(), "serve", "--clamd", listen, "--mode", "enforce"]
    with running.process(
        [*command, "--config", str(config)],
        log=folder / "filter.log",
        env=running.environment(state),
    ) as process:
        running.said(
            process,
            folder / "filter.log",
            lambda line: line.get("event") == "listening" or None,
        )
        yield Daemon(address=address, state=state)
    running.run_program("verify", state=state)


@pytest.fixture(scope="module")
def at_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Return a filter at a unix socket."""
    folder = tmp_path_factory.mktemp("clamd")
    address = str(folder / "socket")
    yield from daemon(folder, address, f"unix:{address} mode=0666")


@pytest.fixture(scope="module")
def at_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Return a filter at a port."""
    address = f"127.0.0.1:{free_port()}"
    yield from daemon(tmp_path_factory.mktemp("port"), address, address)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return a file of each kind, by its name."""
    folder = tmp_path_factory.mktemp("files")
    contents = {
        "lake.jpg": pictures.listed(),
        "boat.jpg": pictures.unlisted(6401),
        "cut.png": b"\x89PNG\r\n\x1a\n" + bytes(60),
        "empty": b"",
        "large": bytes(MOST_BYTES + 1),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with zipfile.ZipFile(folder / "letter.docx", "w") as letter:
        letter.writestr("word/document.xml", "<document/>")
        letter.write(folder / "lake.jpg", "word/media/image1.jpg")
    return {path.name: path for path in folder.iterdir()}


WORDS: Mapping[str, tuple[str, int]] = {
    "lake.jpg": (f"{KNOWN} FOUND", 1),
    "boat.jpg": ("OK", 0),
    "cut.png": (f"{CUT} FOUND", 1),
    "letter.docx": (f"{KNOWN} FOUND", 1),
}
"""What ``clamdscan`` says of each file, and its exit code."""


def scan(daemon: Daemon, folder: Path, *words: str | Path) -> tuple[str, int]:
    """Ask with ``clamdscan``; return its output and its exit code."""
    program = debian("clamdscan", package="clamdscan")
    config = folder / "clamd.conf"
    host, _, port = daemon.address.rpartition(":")
    config.write_text(
        f"TCPAddr {host}\nTCPSocket {port}\n"
        if host
        else f"LocalSocket {daemon.address}\n"
    )
    done = run(
        *(program, f"--config-file={config}", "--no-summary", *words), may_fail=True
    )
    return (done.stdout + done.stderr).decode(), done.returncode


@pytest.mark.parametrize("way", ["--fdpass", "--stream"])
@pytest.mark.parametrize("name", WORDS)
def test_clamdscan_says_what_was_decided(
    at_socket: Daemon, files: Mapping[str, Path], tmp_path: Path, way: str, name: str
) -> None:
    """Debian's client understands the answers, and its exit code tells a finding."""
    before = len(at_socket.methods())
    words, code = WORDS[name]
    found = scan(at_socket, tmp_path, way, files[name])
    (record,) = at_socket.methods()[before:]

    assert found == (f"{files[name]}: {words}\n", code)
    assert record[0] == ("FILDES" if way == "--fdpass" else "INSTREAM")
    assert record[1] == ("ACCEPT" if words == "OK" else "REJECT")


@pytest.mark.parametrize("way", ["--fdpass", "--stream"])
def test_clamdscan_asks_about_a_folder_in_one_session(
    at_socket: Daemon, files: Mapping[str, Path], tmp_path: Path, way: str
) -> None:
    """Many files at once, on one connection, each with its own answer."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in WORDS:
        for number in range(5):
            (folder / f"{number}-{name}").write_bytes(files[name].read_bytes())
    said, code = scan(at_socket, tmp_path, way, "--multiscan", folder)
    found = dict(line.rsplit(": ", 1) for line in said.splitlines())

    assert code == 1
    assert found == {
        str(folder / f"{number}-{name}"): words
        for name, (words, _) in WORDS.items()
        for number in range(5)
        if words != "OK"
    }


def test_clamdscan_is_told_of_what_cannot_be_answered(
    at_socket: Daemon, files: Mapping[str, Path], tmp_path: Path
) -> None:
    """A stream over the limit and a file by its name are errors, never "OK"."""
    by_stream, stream_code = scan(at_socket, tmp_path, "--stream", files["large"])
    by_file, file_code = scan(at_socket, tmp_path, "--fdpass", files["large"])
    by_name, name_code = scan(at_socket, tmp_path, files["boat.jpg"])

    assert "INSTREAM size limit exceeded. ERROR" in by_stream
    assert "Uploadfilter.Inconclusive.too_large FOUND" in by_file
    assert "UNKNOWN COMMAND" in by_name
    assert (stream_code, file_code, name_code) == (2, 1, 2)


def test_clamdscan_finds_the_daemon(at_port: Daemon, tmp_path: Path) -> None:
    """It pings, and shows our version, also over TCP."""
    pinged = scan(at_port, tmp_path, "--ping", "1")
    version = scan(at_port, tmp_path, "--version")

    assert pinged == ("PONG\n", 0)
    assert version[0].startswith("uploadfilter ")
    assert version[1] == 0


@pytest.mark.parametrize("where", ["at_socket", "at_port"])
def test_clients_of_python_understand_the_answers(
    request: pytest.FixtureRequest, files: Mapping[str, Path], where: str
) -> None:
    """Each client of PyPI is told the same, and none takes an error for "OK"."""
    asked: Daemon = request.getfixturevalue(where)
    program = Path(__file__).with_name("clamdclients.py")
    done = run(installed("python"), program, asked.address, *files.values())
    told = {
        "lake.jpg": ["FOUND", KNOWN],
        "boat.jpg": ["OK", None],
        "cut.png": ["FOUND", CUT],
        "empty": ["OK", None],
        "letter.docx": ["FOUND", KNOWN],
        "large": ["too long", None],
    }
    clients = ["clamd", "clamav-client", *["aioclamd"] * (where == "at_port")]

    assert json.loads(done.stdout) == dict.fromkeys(clients, told)


RSPAMD = """
options {{
  pidfile = "{folder}/pid"; tempdir = "{folder}"; rrd = "{folder}/rrd";
  stats_file = "{folder}/stats"; history_file = "{folder}/history";
  control_socket = "{folder}/control mode=0600"; url_tld = "{folder}/tld.txt";
  filters = ""; dns {{ nameserver = ["127.0.0.1:1:1"]; }}
}}
logging {{ type = "console"; }}
lua = "{folder}/rules.lua";
modules {{ path = "/usr/share/rspamd/plugins/antivirus.lua"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
antivirus {{
  filter {{
    type = "clamav"; servers = "{asked}"; symbol = "FILTER";
    scan_mime_parts = true; scan_image_mime = true;
  }}
}}
"""
"""Rspamd with its antivirus module and nothing else."""


@pytest.mark.parametrize("where", ["at_socket", "at_port"])
def test_rspamd_finds_listed_pictures_in_mails(
    request: pytest.FixtureRequest,
    files: Mapping[str, Path],
    tmp_path: Path,
    where: str,
) -> None:
    """Each attachment is asked about, and the symbol names what was found."""
    asked: Daemon = request.getfixturevalue(where)
    program, port = debian("rspamd", package="rspamd"), free_port()
    (tmp_path / "rules.lua").touch()
    (tmp_path / "tld.txt").write_text("com\n")
    config, log_file = tmp_path / "rspamd.conf", tmp_path / "rspamd.log"
    config.write_text(RSPAMD.format(folder=tmp_path, port=port, asked=asked.address))
    with server([program, "-i", "-f", "-c", config], log=log_file, ready=port):
        found = {}
        for name in ("lake.jpg", "boat.jpg", "cut.png"):
            mail = EmailMessage()
            mail["From"], mail["To"] = "a@example.com", "b@example.com"
            mail["Message-ID"] = f"<{name}@example.com>"
            mail.set_content("See the picture.")
            mail.add_attachment(
                files[name].read_bytes(),
                maintype="application",
                subtype="octet-stream",
                filename=name,
            )
            answer = running.request(
                f"http://127.0.0.1:{port}/checkv2", method="POST", body=mail.as_bytes()
            )
            found[name] = json.loads(answer.body)["symbols"]

    assert {name: sorted(it) for name, it in found.items()} == {
        "lake.jpg": ["FILTER"],
        "boat.jpg": [],
        "cut.png": ["FILTER"],
    }
    assert found["lake.jpg"]["FILTER"]["options"] == [KNOWN]
