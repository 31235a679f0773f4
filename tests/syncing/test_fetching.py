"""Where files of a signed set come from: folders, HTTPS, and nothing else."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    SlowRetrievalError,
)
from typing_extensions import override

from tests.syncing.sites import send, serving
from uploadfilter.errors import UsageError
from uploadfilter.syncing.fetching import (
    FOLDER_URL,
    FolderFetcher,
    HTTPFetcher,
    fetcher_for,
)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("http://example.org/x", "not encrypted"),
        ("https://name:word@example.org/x", "a name or a password"),
        ("ftp://example.org/x", "cannot fetch from 'ftp'"),
        ("file:///etc", "cannot fetch from 'file'"),
        ("/nothing/there", "not a folder"),
    ],
)
def test_other_sources_are_refused(source: str, words: str) -> None:
    """Only folders, https, and this machine are sources."""
    with pytest.raises(UsageError, match=words) as caught:
        fetcher_for(source)
    assert caught.value.hint


def test_sources_are_known_by_their_form(tmp_path: Path) -> None:
    """A folder is read, a URL is asked."""
    assert isinstance(fetcher_for(str(tmp_path))[0], FolderFetcher)
    for url in ("https://example.org/a/", "http://127.0.0.1:80/a", "http://[::1]/a"):
        fetcher, base = fetcher_for(url)
        assert isinstance(fetcher, HTTPFetcher)
        assert base == url.rstrip("/")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a//x", "./x", "a/%2e%2e/x"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Steps upwards are refused in any spelling."""
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "x").write_text("secret")

    with pytest.raises(DownloadError, match="an impossible name"):
        FolderFetcher(tmp_path / "in").download_bytes(f"{FOLDER_URL}/{name}", 100)


def test_file_of_a_folder_is_read(tmp_path: Path) -> None:
    """An existing file is read; another one is missing, as on a server."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"data")
    fetcher = FolderFetcher(tmp_path)

    assert fetcher.download_bytes(f"{FOLDER_URL}/a/x", 100) == b"data"
    with pytest.raises(DownloadHTTPError, match="a/y is missing"):
        fetcher.download_bytes(f"{FOLDER_URL}/a/y", 100)


def test_server_that_drips_is_given_up(tmp_path: Path) -> None:
    """A single byte now and then does not keep a connection open."""
    (tmp_path / "x").write_bytes(b"data")
    ticks = iter(range(0, 10_000, 40))
    fetcher = HTTPFetcher(clock=lambda: float(next(ticks)))

    with (
        serving(tmp_path) as url,
        pytest.raises(SlowRetrievalError, match="4 bytes in 40 s"),
    ):
        fetcher.download_bytes(f"{url}/x", 100)


def test_proxy_of_the_environment_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the environment names a proxy, requests go there."""
    asked = []

    def answer(handler: BaseHTTPRequestHandler, _path: Path) -> None:
        asked.append(handler.path)
        send(handler, tmp_path / "x")

    (tmp_path / "x").write_bytes(b"data")
    with serving(tmp_path, answer) as url:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.delenv("no_proxy", raising=False)
        data = HTTPFetcher().download_bytes("http://192.0.2.1/x", 100)

    assert data == b"data"
    assert asked == ["http://192.0.2.1/x"]


def certificate(folder: Path) -> Path:
    """Make a certificate for this machine, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)  # noqa: TID251 - TLS looks at this clock
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = folder / "tls.pem"
    path.write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(pem)
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(pem))
    return path


def test_https_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate must be one that the machine trusts."""
    pem = certificate(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            send(self, pem)

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{server.server_port}/x"
    try:
        with pytest.raises(DownloadError, match="certificate"):
            HTTPFetcher().download_bytes(url, 10_000)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert HTTPFetcher().download_bytes(url, 10_000) == pem.read_bytes()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
