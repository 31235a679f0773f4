"""Synapse, a Matrix server, with its data in SQLite, and one user of it."""

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.curl import Answer, curl
from tests.ports import free_port
from tests.sites.programs import debian, installed, run, server

_CERTIFICATE = (
    *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    *("-nodes", "-days", "2", "-subj", "/CN=synapse"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synapse:
    """A running server, as a user with a token sees it.

    Attributes:
        name: Its name in Matrix: address and port of its federation.
        url: Where clients reach it.
        media: The folder of the media that it stores.
        token: The user's access token.
    """

    name: str
    url: str
    media: Path
    token: str

    def ask(self, path: str, *options: str, data: bytes = b"") -> Answer:
        """Send a request of the user."""
        bearer = ("-H", f"Authorization: Bearer {self.token}")
        return curl(f"{self.url}/_matrix{path}", *bearer, *options, data=data)

    def upload(self, data: bytes, reserved: str = "") -> Answer:
        """Upload a picture, to an ``mxc:`` address if it was reserved."""
        method = "PUT" if reserved else "POST"
        path = reserved.replace("mxc:/", "/media/v3/upload") or "/media/v3/upload"
        typed = ("-H", "Content-Type: image/jpeg", "--data-binary", "@-")
        return self.ask(path, "-X", method, *typed, data=data)

    def download(self, content_uri: str) -> Answer:
        """Download media of this server or of another one, named by ``mxc:``."""
        name = content_uri.removeprefix("mxc://")
        return self.ask(f"/client/v1/media/download/{name}")

    def stored(self, kind: str) -> list[bytes]:
        """Return the files below ``local_content`` or ``remote_content``."""
        return [
            it.read_bytes() for it in (self.media / kind).rglob("*") if it.is_file()
        ]


@contextlib.contextmanager
def synapse(folder: Path, more: Mapping[str, Any]) -> Iterator[Synapse]:
    """Run a server for the length of the block.

    Args:
        folder: For everything, modules for it too.
        more: Further settings.
    """
    program = installed("synapse_homeserver")
    port, federation = free_port(), free_port()
    name, config = f"127.0.0.1:{federation}", folder / "homeserver.yaml"
    settings = {**_settings(folder, name, port, federation), **more}
    # Each document in JSON is one in YAML.
    config.write_text(json.dumps(settings))
    openssl = debian("openssl", package="openssl")
    run(
        *(openssl, *_CERTIFICATE, "-keyout", folder / "key.pem"),
        *("-out", folder / "cert.pem"),
    )
    command = (program, "-c", str(config))
    env = {"PYTHONPATH": str(folder)}
    run(*command, "--generate-keys", env=env)
    with server(command, log=folder / "synapse.log", ready=port, env=env):
        url = f"http://127.0.0.1:{port}"
        token = _token(url, config)
        yield Synapse(name=name, url=url, media=folder / "media", token=token)


def _settings(folder: Path, name: str, port: int, federation: int) -> dict[str, object]:
    """Return the settings of a server that reaches others on this machine only."""
    return {
        "server_name": name,
        "listeners": [
            _listener(port, "client", is_tls=False),
            _listener(federation, "federation", is_tls=True),
        ],
        "tls_certificate_path": str(folder / "cert.pem"),
        "tls_private_key_path": str(folder / "key.pem"),
        "database": {"name": "sqlite3", "args": {"database": str(folder / "db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": secrets.token_hex(16),
        "macaroon_secret_key": secrets.token_hex(16),
        "form_secret": secrets.token_hex(16),
        "report_stats": False,
        "trusted_key_servers": [],
        "federation_verify_certificates": False,
        "ip_range_blacklist": [],
    }


def _listener(port: int, resource: str, *, is_tls: bool) -> dict[str, object]:
    return {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "type": "http",
        "tls": is_tls,
        "resources": [{"names": [resource]}],
    }


def _token(url: str, config: Path) -> str:
    """Register a user by the shared secret, and let it log in."""
    password = secrets.token_hex(12)
    register = installed("register_new_matrix_user")
    user = ("--user", "robin", "--password", password, "--no-admin")
    run(register, "--config", config, *user, url)
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "robin"},
        "password": password,
    }
    answer = curl(
        f"{url}/_matrix/client/v3/login",
        *("-H", "Content-Type: application/json", "--data-binary", "@-"),
        data=json.dumps(login).encode(),
    )
    return str(answer.json()["access_token"])
