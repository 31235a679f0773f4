"""Send a file in parts, cut anywhere; runs in the environment of the sites.

It reads one JSON object, ``{"url", "key", "secret", "bucket", "content", "uploads"}``;
each upload is ``{"name", "id", "parts", "ends"}``: its parts are ``[number, begin,
end]`` and sent in this order, ``id`` goes on with an upload that was begun. It prints
``[id, status]`` of each; the status is that of the list that ends the upload, or 0.
"""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

THREADS = 4


def main() -> None:
    """Send the uploads that standard input names."""
    asked = json.load(sys.stdin)
    content = base64.b64decode(asked["content"])
    client = boto3.client(
        "s3",
        endpoint_url=asked["url"],
        region_name="us-east-1",
        aws_access_key_id=asked["key"],
        aws_secret_access_key=asked["secret"],
        config=Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1}),
    )

    def send(upload: dict[str, Any]) -> tuple[str, int]:
        named = {"Bucket": asked["bucket"], "Key": upload["name"]}
        known = upload["id"] or client.create_multipart_upload(**named)["UploadId"]
        named |= {"UploadId": known}
        for number, begin, end in upload["parts"]:
            body = content[begin:end]
            client.upload_part(**named, PartNumber=number, Body=body)
        if not upload["ends"]:
            return known, 0
        # The tags are those of the store: of an upload that goes on, it knows more.
        listed = client.list_parts(**named).get("Parts", [])
        parts = [
            {name: each[name] for name in ("PartNumber", "ETag")} for each in listed
        ]
        try:
            client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        except ClientError as exc:
            return known, exc.response["ResponseMetadata"]["HTTPStatusCode"]
        return known, 200

    with ThreadPoolExecutor(THREADS) as pool:
        json.dump(list(pool.map(send, asked["uploads"])), sys.stdout)


if __name__ == "__main__":
    main()
