"""TLS to the origin: a server that cannot prove its identity gets nothing."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.proxy import certificates
from tests.proxy.certificates import ORIGIN_NAME, Certificates
from tests.proxy.wire import OK, Got
from tests.web.origins.origins import tls_origin
from uploadfilter.errors import ServiceError
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.origins.tls import tls_context


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    """Certificates in files."""
    return certificates.written(tmp_path)


async def ask(settings: OriginSettings) -> bytes | OriginFailure:
    """Send one request; return the body of the answer, or why there is none."""
    async with (
        Origin.opened(settings) as origin,
        origin.asked("GET", "/", [(b"Host", b"site.example")], None) as answer,
    ):
        if isinstance(answer, OriginFailure):
            return answer
        assert isinstance(answer, OriginAnswer)
        return await answer.content.read()


async def test_origin_under_its_own_authority_is_asked(files: Certificates) -> None:
    """``ca_file`` and ``server_name`` decide which origin is trusted; Host is kept."""
    async with tls_origin(files) as wire:
        answer = await ask(
            OriginSettings(
                url=wire.url, ca_file=files.authority, server_name=ORIGIN_NAME
            )
        )

        assert answer == b"ok"
        assert wire.got[0].header(b"host") == [b"site.example"]


async def test_certificate_of_nobody_we_know_is_refused(files: Certificates) -> None:
    """An origin without a known authority gets no byte of a request."""
    async with tls_origin(files) as wire:
        answer = await ask(OriginSettings(url=wire.url, server_name=ORIGIN_NAME))

        assert answer is OriginFailure.UNREACHABLE
        assert wire.got == []


async def test_certificate_of_another_name_is_refused(files: Certificates) -> None:
    """The certificate must hold the name of ``url`` if no other one is given."""
    async with tls_origin(files) as wire:
        answer = await ask(OriginSettings(url=wire.url, ca_file=files.authority))

        assert answer is OriginFailure.UNREACHABLE
        assert wire.got == []


async def test_bytes_that_nobody_asked_for_are_no_answer(files: Certificates) -> None:
    """They wait unread, in the kernel, when the next request comes."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writers.append(writer)
        writer.write(OK)

    headers = [(b"Host", b"site.example")]
    async with tls_origin(files) as wire:
        wire.answering = answer
        settings = OriginSettings(
            url=wire.url, ca_file=files.authority, server_name=ORIGIN_NAME
        )
        async with Origin.opened(settings) as origin:
            for turn in range(3):
                async with origin.asked("POST", "/", headers, None) as answered:
                    assert isinstance(answered, OriginAnswer)
                    assert await answered.content.read() == b"ok"
                if turn == 1:
                    writers[-1].write(
                        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
                    )

        assert (len(wire.got), wire.connections) == (3, 2)


async def test_origin_is_shown_our_certificate(files: Certificates) -> None:
    """An origin that admits no other client asks for it."""
    known = OriginSettings(
        url="https://x", ca_file=files.authority, server_name=ORIGIN_NAME
    )
    async with tls_origin(files, asks_for_certificate=True) as wire:
        stranger = await ask(with_url(known, wire.url))
        friend = await ask(
            with_url(
                known,
                wire.url,
                client_certificate=files.client,
                client_key=files.client_key,
            )
        )

    assert stranger is OriginFailure.UNREACHABLE
    assert friend == b"ok"


def with_url(
    settings: OriginSettings,
    url: str,
    *,
    client_certificate: str = "",
    client_key: str = "",
) -> OriginSettings:
    """Return settings of another address, with a client certificate."""
    return OriginSettings(
        url=url,
        ca_file=settings.ca_file,
        server_name=settings.server_name,
        client_certificate=client_certificate,
        client_key=client_key,
    )


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"ca_file": "/nowhere.pem"}, "cannot read ca_file '/nowhere.pem'"),
        ({"ca_file": __file__}, "no certificate can be read"),
        ({"client_certificate": "/nowhere.pem"}, "cannot read client_certificate"),
        ({"client_key": "/nowhere.pem"}, "cannot read client_certificate"),
        ({"client_key": "locked"}, "cannot be used"),
        ({"client_key": "origin"}, "cannot be used"),
        ({"client_key": ""}, "without a client_key cannot be used"),
    ],
    ids=[
        "no-ca",
        "not-a-ca",
        "no-certificate",
        "no-key",
        "password",
        "another-key",
        "key-left-out",
    ],
)
def test_file_that_cannot_be_used_is_said_at_the_start(
    files: Certificates, changed: dict[str, str], complaint: str
) -> None:
    """The service does not start, and names the file and the remedy."""
    named = {"locked": files.locked_key, "origin": files.origin}
    given = {"ca_file": "", "client_certificate": files.client}
    given["client_key"] = files.client_key
    given |= {key: named.get(value, value) for key, value in changed.items()}

    with pytest.raises(ServiceError, match=complaint) as caught:
        tls_context(**given)

    assert caught.value.hint


def test_context_verifies() -> None:
    """The verification cannot be switched off."""
    context = tls_context(ca_file="", client_certificate="", client_key="")

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
