"""Start nginx, HAProxy and Caddy with the configurations that we ship.

Of what stands in them by name (ports, certificate, log) each is replaced by what the
test has, and must be there to be replaced; everything else is as an operator gets it.
"""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from deploy.demo import running
from tests.deploy.programs import DEPLOY
from tests.e2e.curl import Answer, curl
from tests.ports import free_port
from tests.sites.programs import debian

NAME = "www.example.org"
"""The site's name in the configurations that we ship."""

_OPENSSL = (
    *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
    *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
)

_NGINX = """
daemon off;
worker_processes 2;
user root root;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/temporary;
    fastcgi_temp_path {folder}/temporary;
    uwsgi_temp_path {folder}/temporary;
    scgi_temp_path {folder}/temporary;
    include {folder}/uploadfilter.conf;
}}
"""
"""The part of Debian's ``nginx.conf`` around the file that we ship."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The programs behind a front end.

    Attributes:
        filter: Host and port of the filter.
        admin: Port of its admin listener.
        origin: Host and port of the origin.
    """

    filter: str
    admin: int
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """A front end that runs.

    Attributes:
        port: Where it takes TLS.
        folder: Folder for the files that it writes.
        certificate: Its certificate.
        process: Its first process, the leader of their group.
        keeps_bodies: Whether a body is here as a whole, in a file, before it goes on.
        reload: Has it read its configuration again, without losing a connection.
    """

    port: int
    folder: Path
    certificate: Path
    process: subprocess.Popen[bytes]
    keeps_bodies: bool
    reload: Callable[[], None]

    def url(self, path: str) -> str:
        """Return a URL of the site, through the front end."""
        return f"https://{NAME}:{self.port}{path}"

    def curl(self, path: str, *options: str, data: bytes = b"") -> Answer:
        """Send one request with curl, to the right machine and trusting it."""
        return curl(self.url(path), *self.options, *options, data=data)

    @property
    def options(self) -> tuple[str, ...]:
        """The options with which curl finds and trusts the site."""
        return (
            *("--cacert", str(self.certificate)),
            *("--resolve", f"{NAME}:{self.port}:127.0.0.1"),
        )

    def connect(self, *, protocol: str = "http/1.1") -> ssl.SSLSocket:
        """Open a connection for HTTP/1.1, or for another protocol (RFC 7301)."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.set_alpn_protocols([protocol])
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        return context.wrap_socket(plain, server_hostname=NAME)

    def memory_bytes(self) -> int:
        """Return the private memory of its processes."""
        return sum(_memory(pid) for pid in _group(self.process.pid))

    def held_bytes(self) -> int:
        """Return the bytes of its processes in memory and in files, open or named."""
        named = sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file())
        opened = sum(_opened(pid) for pid in _group(self.process.pid))
        return named + opened + self.memory_bytes()


def rendered(path: Path, names: Mapping[str, str]) -> str:
    """Return a file with what stands in it by name replaced.

    Raises:
        AssertionError: A name is not there.
    """
    text = path.read_text(encoding="utf-8")
    for name, value in names.items():
        assert name in text, f"{path.name} does not hold {name!r}"
        text = text.replace(name, value)
    return text


@contextlib.contextmanager
def nginx(
    behind: Behind,
    folder: Path,
    recipe: str = "uploadfilter.conf",
    *,
    quic: bool = False,
) -> Iterator[FrontEnd]:
    """Run nginx for the length of the block, with HTTP/3 if that is asked for."""
    port = free_port()
    _certify(folder)
    names = {
        "listen 443": f"listen {port}",
        "listen [::]:443": f"listen [::1]:{port}",
        "/etc/ssl/uploadfilter": str(folder),
        "127.0.0.1:8080": behind.filter,
        "127.0.0.1:8000": behind.origin,
    }
    if quic:
        names["http2 on;"] = (
            f"http2 on;\n    http3 on;\n    listen 127.0.0.1:{port} quic reuseport;"
        )
        # HTTP/3 has no such header, and nginx makes none from its replacement.
        names["$http_host"] = "$host"
    text = rendered(DEPLOY / "nginx" / recipe, names)
    (folder / "uploadfilter.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(_NGINX.format(folder=folder))
    command = (
        debian("nginx", package="nginx"),
        "-c",
        str(main),
        "-e",
        str(folder / "start.log"),
    )
    with _running(command, folder, port, _by_signal(signal.SIGHUP)) as front_end:
        yield front_end


@contextlib.contextmanager
def haproxy(
    behind: Behind,
    folder: Path,
    recipe: str = "haproxy.cfg",
    *,
    changes: Mapping[str, str] | None = None,
) -> Iterator[FrontEnd]:
    """Run HAProxy for the length of the block, with more of its file replaced."""
    port = free_port()
    _certify(folder)
    names = {
        "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/ssl/uploadfilter": str(folder),
        "log /dev/log local0": "log stderr format raw local0",
        # Not every machine lets a test have 40,000 descriptors.
        "maxconn 20000": "maxconn 1000",
        "127.0.0.1:8080": behind.filter,
        "port 9180": f"port {behind.admin}",
        "127.0.0.1:8000": behind.origin,
    }
    main = folder / "haproxy.cfg"
    main.write_text(rendered(DEPLOY / "haproxy" / recipe, {**names, **(changes or {})}))
    command = (debian("haproxy", package="haproxy"), "-W", "-f", str(main))
    with _running(command, folder, port, _by_signal(signal.SIGUSR2)) as front_end:
        yield front_end


@contextlib.contextmanager
def caddy(
    behind: Behind, folder: Path, recipe: str = "Caddyfile"
) -> Iterator[FrontEnd]:
    """Run Caddy for the length of the block."""
    port = free_port()
    _certify(folder)
    names = {
        "http_port 80": f"http_port {free_port()}",
        "https_port 443": f"https_port {port}",
        "/run/caddy/admin.sock": str(folder / "admin.sock"),
        "/etc/ssl/uploadfilter": str(folder),
        "127.0.0.1:8080": behind.filter,
        "health_port 9180": f"health_port {behind.admin}",
        "127.0.0.1:8000": behind.origin,
    }
    main = folder / "Caddyfile"
    main.write_text(rendered(DEPLOY / "caddy" / recipe, names))
    program = debian("caddy", package="caddy")
    configuration = ("--config", str(main), "--adapter", "caddyfile")

    def reload(_leader: int) -> None:
        address = f"unix/{folder / 'admin.sock'}"
        subprocess.run(  # noqa: S603 - the front end's own command
            [program, "reload", *configuration, "--address", address, "--force"],
            check=True,
            capture_output=True,
            timeout=60,
        )

    command = (program, "run", *configuration)
    with _running(command, folder, port, reload) as front_end:
        yield front_end


FRONT_ENDS: Mapping[str, Callable[..., AbstractContextManager[FrontEnd]]] = {
    "nginx": nginx,
    "haproxy": haproxy,
    "caddy": caddy,
}

BODIES_ONLY = {
    "nginx": "bodies-only.conf",
    "haproxy": "bodies-only.cfg",
    "caddy": "bodies-only.Caddyfile",
}
"""The recipes that lead only requests with a body to the filter."""


@contextlib.contextmanager
def _running(
    command: Sequence[str], folder: Path, port: int, reload: Callable[[int], None]
) -> Iterator[FrontEnd]:
    """Run a front end's program until the end of the block; wait until it answers."""
    log = folder / "output.log"
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with running.process(command, log=log, env=environment) as process:
        front_end = FrontEnd(
            port=port,
            folder=folder,
            certificate=folder / "site.pem",
            process=process,
            keeps_bodies=Path(command[0]).name == "nginx",
            reload=lambda: reload(process.pid),
        )

        def look() -> bool | None:
            assert process.poll() is None, log.read_text()
            try:
                status = front_end.curl("/files").status
            except AssertionError:  # nobody listens yet
                return None
            return status == 200 or None

        running.wait_for(look, what=f"{command[0]} to answer")
        yield front_end


def _by_signal(number: signal.Signals) -> Callable[[int], None]:
    return lambda leader: os.kill(leader, number)


def _certify(folder: Path) -> None:
    """Make a certificate for the length of a test."""
    key, certificate = folder / "site.key", folder / "site.pem"
    subprocess.run(  # noqa: S603 - trusted arguments
        [
            debian("openssl", package="openssl"),
            *_OPENSSL,
            "-keyout",
            key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    both = certificate.read_bytes() + key.read_bytes()
    (folder / "site-and-key.pem").write_bytes(both)


def _group(leader: int) -> list[int]:
    """Return the processes of a group."""
    pids = [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()
    ]
    return [pid for pid in pids if _group_of(pid) == leader]


def _group_of(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)
    return 0


def _memory(pid: int) -> int:
    """Return the bytes of a process's own memory."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def _opened(pid: int) -> int:
    """Return the bytes of the files that a process has open."""
    total = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                total += entry.stat().st_size
    return total
