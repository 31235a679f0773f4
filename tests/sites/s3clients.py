"""Programs that people send files to S3 with, each with its own settings.

Every client sends a folder, file by file, and goes on after a file that is refused.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.sites.formreaders import NODE_PACKAGES, node
from tests.sites.programs import installed, missing, run
from tests.sites.s3front import Front
from tests.sites.s3store import Store

BUCKET: Final = "lakes"
_OF_DEBIAN = "/usr/bin"
_REGION = "us-east-1"

_BOTO3 = """
import os, sys, boto3
url, bucket, prefix, folder = sys.argv[1:]
client = boto3.client("s3", endpoint_url=url)
for name in sorted(os.listdir(folder)):
    more = {"ContentType": "image/jpeg", "Metadata": {"colour": "red"}}
    if not name.endswith("jpg"):
        more = {}
    try:
        client.upload_file(os.path.join(folder, name), bucket, prefix + name, more)
    except Exception as exc:
        print(name, exc, file=sys.stderr)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Files to be sent.

    Attributes:
        store: The store, with a key.
        front: The front end.
        files: The folder.
        prefix: Beginning of the keys, with a slash at its end.
        home: A folder for settings of the client.
    """

    store: Store
    front: Front
    files: Path
    prefix: str
    home: Path

    @property
    def host(self) -> str:
        """Name and port of the front end."""
        return self.front.url.removeprefix("https://")

    def aws(self) -> dict[str, str]:
        """Return the environment of clients of AWS."""
        return {
            "HOME": str(self.home),
            "AWS_ACCESS_KEY_ID": self.store.key,
            "AWS_SECRET_ACCESS_KEY": self.store.secret,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_ENDPOINT_URL": self.front.url,
            "AWS_CA_BUNDLE": str(self.front.certificate),
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def _debian(name: str, *, package: str) -> str:
    """Return a program of Debian, not one of the same name from elsewhere."""
    found = shutil.which(name, path=_OF_DEBIAN)
    return found or missing(name, cure=f"apt: {package}")


def awscli(errand: Errand) -> str:
    """Send by ``aws s3 cp``."""
    to = f"s3://{BUCKET}/{errand.prefix}"
    words = ("s3", "cp", "--recursive", "--no-progress", errand.files, to)
    return _said(_debian("aws", package="awscli"), *words, env=errand.aws())


def boto3(errand: Errand) -> str:
    """Send by ``upload_file``."""
    words = ("-c", _BOTO3, errand.front.url, BUCKET, errand.prefix, errand.files)
    return _said(installed("python"), *words, env=errand.aws())


def javascript(errand: Errand) -> str:
    """Send by the AWS SDK for JavaScript, in one request or by lib-storage."""
    asked = {
        "url": errand.front.url,
        "key": errand.store.key,
        "secret": errand.store.secret,
        "bucket": BUCKET,
        "prefix": errand.prefix,
        "folder": str(errand.files),
        "files": sorted(path.name for path in errand.files.iterdir()),
    }
    more = {
        "NODE_PACKAGES": str(NODE_PACKAGES),
        "NODE_EXTRA_CA_CERTS": str(errand.front.certificate),
    }
    program = Path(__file__).parent / "s3" / "client.mjs"
    return _said(node(), program, env=more, data=json.dumps(asked).encode())


def minio(errand: Errand) -> str:
    """Send by ``mc cp``, whose program is ``minio-client`` in Debian."""
    trusted = errand.home / "mc" / "certs" / "CAs"
    trusted.mkdir(parents=True, exist_ok=True)
    shutil.copy(errand.front.certificate, trusted / "front.crt")
    alias = {
        "url": errand.front.url,
        "accessKey": errand.store.key,
        "secretKey": errand.store.secret,
        "api": "S3v4",
        "path": "on",
    }
    settings = {"version": "10", "aliases": {"s3": alias}}
    (errand.home / "mc" / "config.json").write_text(json.dumps(settings))
    to = f"s3/{BUCKET}/{errand.prefix}"
    words = ("--config-dir", errand.home / "mc", "--json", "cp", "--recursive")
    program = _debian("minio-client", package="minio-client")
    return _said(program, *words, f"{errand.files}/", to, env={"HOME": "/nonexistent"})


def rclone(errand: Errand) -> str:
    """Send by ``rclone copy``, in parts of 5 MiB."""
    settings = {
        "RCLONE_CONFIG": str(errand.home / "none.conf"),
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENDPOINT": errand.front.url,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": errand.store.key,
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": errand.store.secret,
    }
    parts = ("--s3-upload-cutoff", "5Mi", "--s3-chunk-size", "5Mi")
    trusted = ("--ca-cert", errand.front.certificate)
    to = f"s3:{BUCKET}/{errand.prefix}"
    words = (*trusted, *parts, "copy", errand.files, to)
    return _said(_debian("rclone", package="rclone"), *words, env=settings)


def s3cmd(errand: Errand) -> str:
    """Send by ``s3cmd put``; it ends at the first error, so each file by itself."""
    words = (
        *("-c", "/dev/null", f"--ca-certs={errand.front.certificate}", "--no-progress"),
        *(f"--access_key={errand.store.key}", f"--secret_key={errand.store.secret}"),
        *(f"--host={errand.host}", f"--host-bucket={errand.host}", "put"),
    )
    program = _debian("s3cmd", package="s3cmd")
    to = f"s3://{BUCKET}/{errand.prefix}"
    more = {"HOME": str(errand.home)}
    told = [_said(program, *words, file, to, env=more) for file in _sorted(errand)]
    return "".join(told)


def _sorted(errand: Errand) -> list[Path]:
    return sorted(errand.files.iterdir())


def _said(*command: str | Path, env: Mapping[str, str], data: bytes = b"") -> str:
    """Run a client; return what it says of files that it could not send."""
    done = run(*command, env=env, data=data, may_fail=True)
    return (done.stdout + done.stderr).decode(errors="replace")


CLIENTS: Final[Mapping[str, Callable[[Errand], str]]] = {
    "awscli": awscli,
    "boto3": boto3,
    "javascript": javascript,
    "minio": minio,
    "rclone": rclone,
    "s3cmd": s3cmd,
}
