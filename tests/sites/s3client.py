"""Call a store with boto3: run as a program, in the environment of the sites.

It reads one JSON object, ``{"url", "key", "secret", "checksums", "calls"}``, and prints
a list with the result of each call. Bytes are ``{"base64": ...}`` on both ways.
"""

import base64
import json
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def plain(value: object) -> object:
    """Return a result as JSON can hold it."""
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if isinstance(value, int | float | None) else str(value)


def bytes_in(value: dict[str, Any]) -> object:
    """Return the bytes that an object of JSON stands for, or the object itself."""
    return base64.b64decode(value["base64"]) if "base64" in value else value


def main() -> None:
    """Make the calls that standard input names."""
    asked = json.load(sys.stdin, object_hook=bytes_in)
    client = boto3.client(
        asked.get("service", "s3"),
        endpoint_url=asked["url"],
        region_name="us-east-1",
        aws_access_key_id=asked["key"],
        aws_secret_access_key=asked["secret"],
        verify=asked.get("verify", True),
        config=Config(
            request_checksum_calculation=asked.get("checksums", "when_required"),
            response_checksum_validation="when_required",
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )
    results = []
    for name, arguments in asked["calls"]:
        try:
            results.append(plain(getattr(client, name)(**arguments)))
        except ClientError as exc:
            metadata = exc.response["ResponseMetadata"]
            results.append({"refused": metadata["HTTPStatusCode"]})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
