"""Two instances on one socket are restarted in turn, and no request is lost."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e.handing import inheriting_proxy, listening_socket

pytestmark = pytest.mark.e2e

CLIENTS = 4
CREATED = 201


@dataclass(slots=True, kw_only=True)
class Load:
    """Clients that upload without a pause.

    Attributes:
        port: Where to.
        stored: How many uploads were.
        lost: What happened to the others.
    """

    port: int
    stored: int = 0
    lost: list[str] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Upload for the length of the block: half of them on kept connections."""
        threads = [
            threading.Thread(target=self._upload, args=(number,))
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._enough.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self, count: int) -> None:
        """Wait until a number of further uploads were stored, or one was lost."""
        target = self.stored + count
        running.wait_for(
            lambda: self.stored >= target or bool(self.lost) or None,
            what=f"{target} uploads",
        )

    def _upload(self, number: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._enough.is_set():
            try:
                client.request("PUT", f"/files/{number}.txt", body=b"a greeting")
                answer = client.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as exc:
                self.lost.append(repr(exc))
                client.close()
                continue
            if answer.status == CREATED:
                self.stored += 1
            else:
                self.lost.append(str(answer.status))
            if number % 2:
                client.close()
        client.close()


def test_rolling_restart_loses_no_request(state: Path) -> None:
    """Each instance is ended and begun again under load; every upload is answered."""
    with (
        running.origin(state / "uploads", log=state / "origin.log") as origin,
        listening_socket() as shared,
        contextlib.ExitStack() as stack,
    ):
        load = Load(port=shared.getsockname()[1])
        instances = {
            name: stack.enter_context(one_life(shared, origin, state, name))
            for name in ("a", "b")
        }
        with load.going_on():
            load.wait_for_more(50)
            for name, proxy in instances.items():
                assert running.stop(proxy.process) == 0
                load.wait_for_more(20)
                stack.enter_context(one_life(shared, origin, state, name))
                load.wait_for_more(50)

    assert load.lost == []


def test_requests_wait_for_a_single_instance_that_is_restarted(state: Path) -> None:
    """While no process accepts, connections wait in the socket, which stays open."""
    with (
        running.origin(state / "uploads", log=state / "origin.log") as origin,
        listening_socket() as shared,
        contextlib.ExitStack() as stack,
    ):
        load = Load(port=shared.getsockname()[1])
        proxy = stack.enter_context(one_life(shared, origin, state, "a"))
        with load.going_on():
            load.wait_for_more(50)
            assert running.stop(proxy.process) == 0
            stack.enter_context(one_life(shared, origin, state, "a"))
            load.wait_for_more(50)

    assert load.lost == []


def one_life(
    shared: socket.socket, origin: str, state: Path, name: str
) -> contextlib.AbstractContextManager[running.Proxy]:
    """Run an instance until it is stopped."""
    return inheriting_proxy(shared, origin, state=state, instance=name)
