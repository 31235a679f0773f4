"""WsgiDAV, which serves a folder by WebDAV, on Cheroot."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.ports import free_port
from tests.sites.programs import installed, server


@contextlib.contextmanager
def webdav(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run WsgiDAV for the length of the block.

    Args:
        folder: For everything.

    Yields:
        Its URL, and the folder that it serves to anybody.
    """
    program = installed("wsgidav")
    port, served = free_port(), folder / "served"
    served.mkdir()
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "provider_mapping": {"/": str(served)},
        "simple_dc": {"user_mapping": {"*": True}},
        "property_manager": True,
        "lock_storage": True,
        "server": "cheroot",
    }
    (folder / "wsgidav.json").write_text(json.dumps(settings))
    command = [program, "--config", str(folder / "wsgidav.json")]
    with server(command, log=folder / "wsgidav.log", ready=port):
        yield f"http://127.0.0.1:{port}", served
