"""Ask the form parsers of real origins, of five languages, what they read.

Six parsers of Python run here (``tests/uploads/origins.py``), the others in programs of
their own, which get all cases at once: PHP's own server, Go, Rack, and five of Node.
"""

import base64
import contextlib
import http.client
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.repository import ROOT
from tests.sites.programs import debian, missing, run, server
from tests.uploads.origins import ORIGINS, Parse

PROGRAMS = ROOT / "tests" / "sites" / "forms"
"""Programs in other languages."""

NODE_PACKAGES = Path(
    os.environ.get("UPLOADFILTER_NODE_PACKAGES", ROOT / "build/sites-node/node_modules")
)
"""The packages of ``tests/sites/forms/package.json``, which ``make sites`` installs."""

_PHP_OPTIONS = {
    "max_input_vars": "20000",
    "max_file_uploads": "2000",
    "post_max_size": "64M",
    "upload_max_filesize": "64M",
    "display_errors": "0",
}
_RACK_LIMITS = {
    "RACK_MULTIPART_PART_LIMIT": "2000",
    "RACK_MULTIPART_TOTAL_PART_LIMIT": "20000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as an origin gets it.

    Attributes:
        content_type: Value of Content-Type.
        body: The body.
    """

    content_type: str
    body: bytes


Reading = dict[str, Any]
"""What each parser read, in a form of its own; ``None`` if it refused."""


def node() -> str:
    """Return the path of Node, if its packages are there as well."""
    if not NODE_PACKAGES.is_dir():
        missing(str(NODE_PACKAGES), cure="make sites")
    return debian("node", package="nodejs")


class Readers:
    """The parsers.

    Args:
        go: The program of Go, built.
        php: Port of PHP's own server.

    Attributes:
        go: The program of Go.
    """

    def __init__(self, go: Path, php: int) -> None:
        self.go = go
        self._php = php
        self._commands = {
            "go": [str(go)],
            "node": [node(), str(PROGRAMS / "readers.mjs")],
            "ruby": [debian("ruby", package="ruby"), str(PROGRAMS / "reader.rb")],
        }

    def read(self, forms: Sequence[Form]) -> list[Reading]:
        """Return the readings of each form."""
        with ThreadPoolExecutor(len(self._commands) + 1) as pool:
            others = [
                pool.submit(_in_batch, command, forms)
                for command in self._commands.values()
            ]
            php = pool.submit(lambda: [self._by_php(form) for form in forms])
            ours = [_by_python(form) for form in forms]
            columns = [ours, php.result(), *(other.result() for other in others)]
        return [
            dict(itertools.chain.from_iterable(map(dict.items, row)))
            for row in zip(*columns, strict=True)
        ]

    def _by_php(self, form: Form) -> Reading:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self._php, timeout=60)
        ) as connection:
            headers = {"Content-Type": form.content_type}
            connection.request("POST", "/reader.php", form.body, headers)
            return {"php": json.loads(connection.getresponse().read())}


def _in_batch(command: Sequence[str], forms: Sequence[Form]) -> list[Reading]:
    """Give all forms to a program, and return its lines."""
    lines = [
        json.dumps(
            {
                "type": form.content_type,
                "body": base64.b64encode(form.body).decode("ascii"),
            }
        )
        for form in forms
    ]
    done = run(
        *command,
        data="\n".join([*lines, ""]).encode(),
        env={"NODE_PACKAGES": str(NODE_PACKAGES), **_RACK_LIMITS},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _by_python(form: Form) -> Reading:
    return {name: _read(parse, form) for name, parse in ORIGINS.items()}


def _read(parse: Parse, form: Form) -> list[Any] | None:
    try:
        found = parse(form.content_type, form.body)
    except UnicodeDecodeError:
        return None  # A field that is no text is an error of the site's.
    return None if found is None else [asdict(item) for item in found]


def holds(reading: object, data: bytes) -> bool:
    """Tell whether a parser read exactly these bytes as one item."""
    match reading:
        case bytes():
            return reading == data
        case str():
            return reading in _texts(data)
        case dict():
            return any(holds(inner, data) for inner in reading.values())
        case list():
            return any(holds(inner, data) for inner in reading)
        case _:
            return False


def _texts(data: bytes) -> set[str]:
    """Return the ways in which the programs write bytes."""
    encoded = base64.b64encode(data).decode("ascii")
    plain = data.decode("utf-8", "replace")
    return {encoded, encoded.encode().hex(), data.hex(), plain}


@contextlib.contextmanager
def readers(folder: Path) -> Iterator[Readers]:
    """Start the parsers for the length of the block.

    Args:
        folder: For a program and the log of PHP.
    """
    go, program = debian("go", package="golang-go"), folder / "go"
    run(go, "build", "-o", program, PROGRAMS / "reader.go")
    port = free_port()
    options = [f"-d{name}={value}" for name, value in _PHP_OPTIONS.items()]
    command = [debian("php", package="php-cli"), *options]
    with server(
        [*command, "-S", f"127.0.0.1:{port}", "-t", PROGRAMS],
        log=folder / "php.log",
        ready=port,
    ):
        yield Readers(program, port)


@pytest.fixture(scope="session")
def form_readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    """Return the parsers, started."""
    with readers(tmp_path_factory.mktemp("readers")) as running:
        yield running
