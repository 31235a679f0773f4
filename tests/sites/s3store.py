"""moto, a store that speaks S3 and keeps everything in memory; it checks signatures."""

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.curl import curl
from tests.ports import free_port
from tests.sites.programs import installed, run, server

CLIENT = Path(__file__).with_name("s3client.py")

_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
LEAST_PART_BYTES = 5 << 20
"""What S3 asks of each part but the last."""

_PREPARING = "3"
"""Requests that need no signature: those that make the user with the first key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A running store.

    Attributes:
        origin: Its URL.
        key: Access key of its user.
        secret: The secret of that key.
    """

    origin: str
    key: str
    secret: str

    def call(self, url: str, *calls: tuple[str, dict[str, Any]], **more: Any) -> Any:  # noqa: ANN401 -- an answer of boto3
        """Call the store with boto3 in its own environment.

        Args:
            url: Where to.
            calls: Names of methods, and their arguments.
            more: Further input of ``s3client.py``.

        Returns:
            The result of each call.
        """
        asked = {"url": url, "key": self.key, "secret": self.secret, "calls": calls}
        done = run(
            *(installed("python"), CLIENT),
            data=json.dumps({**asked, **more}, default=_encoded).encode(),
        )
        return json.loads(done.stdout, object_hook=_decoded)

    @contextlib.contextmanager
    def open_to_all(self) -> Iterator[None]:
        """Check no signatures for the length of the block.

        moto cannot check those of URLs, as presigned ones have and rclone makes.
        """
        self._unsigned("1000000")
        try:
            yield
        finally:
            self._unsigned("0")

    def _unsigned(self, requests: str) -> None:
        as_text = ("-H", "Content-Type: text/plain", "--data", requests)
        answer = curl(f"{self.origin}/moto-api/reset-auth", *as_text)
        if answer.status != 200:
            raise RuntimeError(answer)


@contextlib.contextmanager
def s3store(
    folder: Path, *, least_part_bytes: int = LEAST_PART_BYTES
) -> Iterator[Store]:
    """Run a store with one user for the length of the block.

    Args:
        folder: For its log.
        least_part_bytes: Least size of each part but the last.
    """
    program, port = installed("moto_server"), free_port()
    with server(
        [program, "-H", "127.0.0.1", "-p", str(port)],
        log=folder / "moto.log",
        ready=port,
        env={
            "INITIAL_NO_AUTH_ACTION_COUNT": _PREPARING,
            "S3_UPLOAD_PART_MIN_SIZE": str(least_part_bytes),
            "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(LEAST_PART_BYTES),
        },
    ):
        nobody = Store(origin=f"http://127.0.0.1:{port}", key="none", secret="")
        user = {"UserName": "keeper"}
        policy = {"PolicyName": "all", "PolicyDocument": json.dumps(_POLICY)}
        *_, made = nobody.call(
            nobody.origin,
            ("create_user", user),
            ("put_user_policy", {**user, **policy}),
            ("create_access_key", user),
            service="iam",
        )
        access = made["AccessKey"]
        yield Store(
            origin=nobody.origin,
            key=access["AccessKeyId"],
            secret=access["SecretAccessKey"],
        )


def _encoded(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"not for JSON: {type(value)}")
    return {"base64": base64.b64encode(value).decode()}


def _decoded(value: dict[str, Any]) -> object:
    return base64.b64decode(value["base64"]) if "base64" in value else value
