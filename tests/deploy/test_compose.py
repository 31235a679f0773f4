"""The compose file: its processes, started with its commands, files and users.

No registry of images can be reached where the tests run, so no engine runs the file. It
is read instead, and each service is started as it says: the same command as the same
user, with its volumes at their places, in a network of their own where services find
each other by name. Debian's Prometheus stands for the image of Prometheus, and the
program of the Debian package for the image of the filter.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.demo import running
from hashsets.demo.make_demo import write_demo
from tests.deploy.containerfile import last
from tests.deploy.programs import DEPLOY, made
from tests.e2e import pictures
from tests.sites.programs import debian, missing, run

pytestmark = pytest.mark.e2e

COMPOSE = DEPLOY / "compose" / "compose.yaml"
SCRIPT = Path(__file__).with_name("service.sh")
PROGRAMS = "/usr/lib/uploadfilter"
"""Where the image, and the package, have the program."""


def services() -> dict[str, dict[str, Any]]:
    """Return the services of the file by name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def of_image(service: Mapping[str, Any]) -> bool:
    """Return whether a service runs in the image of the filter."""
    return bool(service["image"] == "uploadfilter")


def command_of(service: Mapping[str, Any]) -> list[str]:
    """Return what a service runs."""
    entrypoint = service.get("entrypoint") or json.loads(last("ENTRYPOINT"))
    return [*entrypoint, *service["command"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """The services, in a network of their own.

    Attributes:
        folder: For everything.
        network: Process that holds the network.
    """

    folder: Path
    network: int

    def command(self, name: str) -> list[str]:
        """Return the command that starts a service as the file says."""
        service = services()[name]
        root = self.folder / f"root-{name}"
        root.mkdir()
        user = str(service.get("user") or last("USER"))
        enter = (debian("nsenter", package="util-linux"), f"--net={self._net}")
        alone = (debian("unshare", package="util-linux"), "--mount", "bash")
        mounts = [*self._volumes(name), f"{self.folder / 'hosts'}:/etc/hosts:ro"]
        if of_image(service):
            mounts.append(f"{self.folder / 'deb'}{PROGRAMS}:{PROGRAMS}:ro")
        return [
            *(*enter, "--", *alone, str(SCRIPT), str(root), *user.split(":")),
            *(*mounts, "--", *command_of(service)),
        ]

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of a service."""
        # Engines give a user without an account the root as its home.
        usual = {"PATH": "/usr/bin:/bin", "HOME": "/"}
        if not of_image(services()[name]):
            return usual
        return usual | dict(pair.split("=", 1) for pair in last("ENV").split())

    def request(self, *arguments: str, data: bytes = b"") -> tuple[int, bytes]:
        """Send a request from inside of the network; return status and body."""
        curl = (debian("curl", package="curl"), "-sS", "-w", "%{stderr}%{http_code}")
        done = run("nsenter", f"--net={self._net}", *curl, *arguments, data=data)
        return int(done.stderr), done.stdout

    @property
    def _net(self) -> str:
        return f"/proc/{self.network}/ns/net"

    def _volumes(self, name: str) -> Iterator[str]:
        """Yield the mounts of a service, with a folder for each named volume."""
        service = services()[name]
        uid, gid = map(int, str(service.get("user") or last("USER")).split(":"))
        for volume in service["volumes"]:
            source, target, options = (*str(volume).split(":"), "rw")[:3]
            path = (COMPOSE.parent / source).resolve()
            if not source.startswith("."):
                path = self.folder / f"volume-{source}"
                path.mkdir(mode=0o700, exist_ok=True)
                os.chown(path, uid, gid)
            assert path.exists(), volume
            yield f"{path}:{target}:{options}"
        for place in service.get("tmpfs", ()):
            target = str(place).partition(":")[0]
            path = self.folder / f"tmpfs-{name}"
            path.mkdir()
            path.chmod(0o1777)
            yield f"{path}:{target}:rw"


LONG_RUNNING: Final = ("origin", "filter", "prometheus")


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    """Start all services in the order of the file."""
    if os.geteuid() != 0:
        missing("right to make namespaces", cure="run the tests as root")
    debian("prometheus", package="prometheus")
    folder = tmp_path_factory.mktemp("compose")
    run("dpkg-deb", "--extract", made("UPLOADFILTER_DEB"), folder / "deb")
    names = " ".join(services())
    (folder / "hosts").write_text(f"127.0.0.1 localhost {names}\n")
    up = "ip link set lo up && echo '{\"is_up\": true}' && exec sleep infinity"
    holder = (debian("unshare", package="util-linux"), "--net", "sh", "-c", up)
    log = folder / "network.log"
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(running.process(holder, log=log))
        running.said(network, log, lambda line: line.get("is_up"))
        composed = Composition(folder=folder, network=network.pid)
        for name in services():
            said = folder / f"{name}.log"
            started = stack.enter_context(
                running.process(
                    composed.command(name),
                    log=said,
                    env=composed.environment(name),
                )
            )
            if name not in LONG_RUNNING:
                assert started.wait(running.START_DEADLINE_S) == 0, said.read_text()
            elif name == "origin":
                running.said(started, said, lambda line: line.get("url"))
            elif name == "filter":
                running.said(started, said, running.listening_port)
        yield composed


def test_services_start_after_what_they_need() -> None:
    """The order of the file is an order in which every service finds the others."""
    before: set[str] = set()
    for name, service in services().items():
        assert set(service.get("depends_on", ())) <= before
        before.add(name)


def test_origin_is_reached_through_the_filter_only() -> None:
    """It publishes no port, and shares its only network with the filter alone."""
    found = services()
    shared = {n for n, it in found.items() if "behind" in it.get("networks", ())}

    assert shared == {"origin", "filter"}
    assert found["origin"]["networks"] == ["behind"]
    assert "ports" not in found["origin"]


def test_services_get_no_rights_and_few_open_ports() -> None:
    """Each is read-only and without capabilities; ports are open to this machine."""
    for service in services().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(it.startswith("127.0.0.1:") for it in service.get("ports", ()))


def test_pictures_of_the_demo_are_rejected(
    composition: Composition, tmp_path: Path
) -> None:
    """The filter enforces the demo set, and lets other pictures reach the origin."""
    write_demo(tmp_path / "demo.jsonl", folder=tmp_path / "pictures")
    listed = min((tmp_path / "pictures").iterdir()).read_bytes()
    site = "http://127.0.0.1:8080/files"
    put = ("-T", "-")
    rejected, _ = composition.request(*put, f"{site}/a.png", data=listed)
    accepted, _ = composition.request(*put, f"{site}/b.jpg", data=pictures.unlisted())
    _, shown = composition.request("http://127.0.0.1:8000/files")

    assert (rejected, accepted) == (403, 201)
    assert [file["name"] for file in json.loads(shown)] == ["b.jpg"]


def test_prometheus_sees_the_filter(composition: Composition) -> None:
    """It reads the metrics under the name of the service, and has the alerts."""
    api = "http://127.0.0.1:9090/api/v1"

    def look() -> bool | None:
        with contextlib.suppress(running.DemoError):  # it may not listen yet
            status, body = composition.request(f"{api}/query?query=uploadfilter_ready")
            # It answers 503 until it has read its own records.
            if status == 200 and json.loads(body)["data"]["result"]:
                return True
        return None

    running.wait_for(look, what="Prometheus to read the metrics")
    _, body = composition.request(f"{api}/query?query=uploadfilter_ready")
    _, rules = composition.request(f"{api}/rules")
    (found,) = json.loads(body)["data"]["result"]

    assert found["metric"]["instance"] == "filter:9180"
    assert found["value"][1] == "1"
    assert len(json.loads(rules)["data"]["groups"][0]["rules"]) > 1
