"""Asking proxies that run, and sending canaries through them."""

import asyncio
import socket
from pathlib import Path

from tests.doors.visiting import visit
from tests.issuing.offices import Office, line_of
from tests.proxy.site import exact_entry, list_entries, settings, site
from tests.proxy.wire import wire_origin
from tests.syncing.moments import epoch_s
from tests.syncing.sites import Site
from uploadfilter.config.settings import Settings
from uploadfilter.doctor.proxies import (
    examine_canaries,
    examine_doors,
    examine_readiness,
)
from uploadfilter.doctor.results import Area, Diagnosis, Grade
from uploadfilter.doors.settings import APISettings, ClamdSettings
from uploadfilter.forms.settings import FormsSettings, ObjectionSettings
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.service.forms import running_forms
from uploadfilter.service.running import running
from uploadfilter.signedsets import canaries
from uploadfilter.web.clients.addresses import TCPAddress


async def ask(admin: AdminSettings) -> list[Diagnosis]:
    """Return what is found about readiness."""
    return await asyncio.to_thread(lambda: list(examine_readiness(admin)))


async def send(state: Path) -> list[Diagnosis]:
    """Return what is found with a canary."""
    return await asyncio.to_thread(lambda: list(examine_canaries(state, epoch_s)))


async def test_proxy_is_asked_by_its_admin_listener(tmp_path: Path) -> None:
    """What it lacks is named with the remedy; a stopped proxy is a failure."""
    assert [it.grade for it in await ask(AdminSettings())] == [Grade.WARNING]
    listen = AdminSettings(listen="127.0.0.1:0")
    async with wire_origin() as origin:
        of = settings(tmp_path / "state", origin.url, admin=listen)
        async with running(of) as service:
            assert isinstance(service.admin, TCPAddress)
            at = AdminSettings(listen=str(service.admin))
            found = await ask(at)
            while any("nothing has been checked yet" in it.text for it in found):
                found = await ask(at)

            # There is no reference set: the proxy says so, with its remedy.
            assert [it.grade for it in found] == [Grade.FAILED]
            assert "not ready: reference" in found[0].text
            assert "uploadfilter hashset list" in found[0].hint
    (gone,) = await ask(at)
    assert (gone.grade, "does not answer" in gone.text) == (Grade.FAILED, True)


async def test_another_program_at_the_address_is_not_taken_for_the_proxy() -> None:
    """An answer of another form is a failure, not a good result."""

    async def answer(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        await reader.readline()
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        await out.drain()
        out.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        (found,) = await ask(AdminSettings(listen=f"{host}:{port}"))

    assert (found.area, found.grade) == (Area.PROXY, Grade.FAILED)
    assert "not ours" in found.text


async def test_canary_proves_the_way_through_the_proxy(tmp_path: Path) -> None:
    """Without a listed canary, with one, and with a proxy that is gone."""
    state = tmp_path / "state"
    (missing,) = await send(state)
    assert (missing.grade, "reference set" in missing.text) == (Grade.FAILED, True)
    list_entries(state, [exact_entry(1, b"x")])
    (unknown,) = await send(state)
    assert unknown.grade is Grade.WARNING
    async with site(state, listed=None) as it:
        (found,) = await send(state)
        assert (found.grade, "no set in force lists a canary" in found.text) == (
            Grade.OK,
            True,
        )
        office = Office(tmp_path / "office", epoch_s=epoch_s())
        office.canaries = canaries.entries()
        office.issue(line_of("a", 1))
        Site(state, office).sync()
        (found,) = await send(state)
        assert (found.grade, "found by unit7" in found.text) == (Grade.OK, True)
        assert it.origin.got == []
    (gone,) = await send(state)

    assert (gone.grade, "no answer from" in gone.text) == (Grade.FAILED, True)


async def test_full_or_closed_port_is_a_failure() -> None:
    """A socket that nobody serves does not make the doctor wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (found,) = await ask(AdminSettings(listen=f"127.0.0.1:{port}"))

    assert found.grade is Grade.FAILED


async def knock(api: str, clamd: str) -> list[Diagnosis]:
    """Return what is found about the doors."""
    wanted = APISettings(listen=api), ClamdSettings(listen=clamd)
    return await asyncio.to_thread(lambda: list(examine_doors(*wanted)))


async def test_doors_are_asked(tmp_path: Path) -> None:
    """Each door that is wanted answers; one that is gone is a failure."""
    assert await knock("", "") == []
    async with visit(tmp_path) as it:
        api, clamd = f"unix:{it.api}", f"unix:{it.clamd} mode=0660"
        found = await knock(api, clamd)
        crossed = await knock(f"unix:{it.clamd}", f"unix:{it.api}")
        over_tcp = await knock("127.0.0.1:1", "127.0.0.1:1")
    gone = await knock(api, clamd)

    assert [it.grade for it in found] == [Grade.OK, Grade.OK]
    for item in (*crossed, *over_tcp, *gone):
        assert (item.area, item.grade) == (Area.DOORS, Grade.FAILED)
        assert item.hint


async def test_forms_to_which_answers_lead_are_asked(tmp_path: Path) -> None:
    """People who were rejected and object must not meet a closed door."""
    wanted = Settings(
        state=tmp_path,
        forms=FormsSettings(listen="127.0.0.1:0"),
        objections=ObjectionSettings(public_url="https://upload.example/objection"),
    )
    doors = APISettings(), ClamdSettings()
    async with running_forms(wanted) as forms:
        address = forms.public
        assert isinstance(address, TCPAddress)
        open_ = await asyncio.to_thread(lambda: list(examine_doors(*doors, address)))
    closed = list(examine_doors(*doors, address))

    assert [it.grade for it in open_] == [Grade.OK]
    assert [(it.area, it.grade) for it in closed] == [(Area.DOORS, Grade.FAILED)]
    assert "uploadfilter-forms" in closed[0].hint


async def test_door_of_a_filter_that_is_not_ready_says_so(tmp_path: Path) -> None:
    """The scan API answers, and cannot decide without a reference set."""
    path = tmp_path / "api.sock"
    api = APISettings(listen=f"unix:{path}")
    of = settings(tmp_path / "state", "http://127.0.0.1:1", api=api)
    async with running(of):
        (found,) = await knock(f"unix:{path}", "")

    assert (found.grade, found.text.endswith("answers 503")) == (Grade.FAILED, True)
