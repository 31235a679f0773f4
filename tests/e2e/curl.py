"""Use curl as a client: a real one, independent of this project."""

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

TIMEOUT_S = 60
"""Longest that one request may take, on a busy machine too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The response that curl got.

    Attributes:
        status: HTTP status; 0 if there was no answer.
        headers: Header fields of the final answer, names in lower case.
        body: The body.
        interim: Statuses of the answers before the final one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    interim: tuple[int, ...]

    def json(self) -> Any:  # noqa: ANN401 -- JSON is whatever the peer sent
        """Return the body as JSON."""
        return msgspec.json.decode(self.body)


def curl(url: str, *options: str, data: bytes = b"") -> Answer:
    """Send one request.

    Args:
        url: Where to.
        options: Command line of curl.
        data: What curl reads from its standard input.

    Returns:
        The answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        head, body = Path(folder, "head"), Path(folder, "body")
        body.touch()
        command = ["curl", "-q", "-sS", "--noproxy", "*", "--path-as-is"]
        command += ["--max-time", str(TIMEOUT_S), "-D", str(head), "-o", str(body)]
        done = subprocess.run(  # noqa: S603 -- the client that is meant
            [*command, *options, url],
            input=data,
            capture_output=True,
            check=False,
            timeout=2 * TIMEOUT_S,
        )
        text = head.read_bytes().decode("latin-1") if head.exists() else ""
        blocks = [block for block in text.split("\r\n\r\n") if block.strip()]
        if not blocks:
            raise AssertionError(f"no answer: {done.stderr.decode()}")
        return _answer(blocks, body.read_bytes())


def _answer(blocks: list[str], body: bytes) -> Answer:
    """Return the last of the header blocks with the body, and the earlier blocks."""
    statuses = [int(block.split(None, 2)[1]) for block in blocks]
    fields = [line.partition(":") for line in blocks[-1].split("\r\n")[1:]]
    return Answer(
        status=statuses[-1],
        headers={name.strip().lower(): value.strip() for name, _, value in fields},
        body=body,
        interim=tuple(statuses[:-1]),
    )


def put(url: str, content: bytes, *options: str) -> Answer:
    """Upload a raw body with its length declared."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return curl(url, "-T", file.name, *options)


def put_chunked(url: str, content: bytes, *options: str) -> Answer:
    """Upload a raw body in chunks, its length unknown."""
    return curl(
        url, "-T", "-", "-H", "Transfer-Encoding: chunked", *options, data=content
    )


def post_form(
    url: str, fields: Mapping[str, str], files: Mapping[str, bytes], *options: str
) -> Answer:
    """Upload a form: fields first, then files, all named ``picture``."""
    with tempfile.TemporaryDirectory() as folder:
        parts: list[str] = []
        for name, value in fields.items():
            parts += ["--form-string", f"{name}={value}"]
        for name, content in files.items():
            path = Path(folder, name)
            path.write_bytes(content)
            parts += ["-F", f"picture=@{path};type=image/jpeg"]
        return curl(url, *parts, *options)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of content, hex."""
    return hashlib.sha256(content).hexdigest()
