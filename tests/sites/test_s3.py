"""A store that speaks S3 behind the proxy."""

import io
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.e2e.curl import curl, put
from tests.sites.behind import Behind, behind
from tests.sites.differential import Ask, Varies, differences
from tests.sites.front import tls_front
from tests.sites.programs import debian, run
from tests.sites.s3store import Store, s3store

pytestmark = pytest.mark.e2e

BUCKET = {"Bucket": "lakes"}
PARTS = {"Bucket": "ponds"}
KEY = {**BUCKET, "Key": "shore/a b+c=ü.txt"}
TEXT = b"Where the water ends.\n" * 20
OBJECT = "/lakes/shore/a%20b%2Bc%3D%C3%BC.txt"

ASKS: Mapping[str, Ask] = {
    "list": Ask(target="/lakes?list-type=2"),
    "list with a prefix": Ask(target="/lakes?list-type=2&prefix=shore%2F&delimiter=/"),
    "object": Ask(target=OBJECT),
    "head of an object": Ask(target=OBJECT, method="HEAD"),
    "object by another way to write it": Ask(target="/lakes/shore/a%20b+c=%c3%bc.txt"),
    "range": Ask(target=OBJECT, headers={"Range": "bytes=5-20"}),
    "last bytes": Ask(target=OBJECT, headers={"Range": "bytes=-7"}),
    "range behind the end": Ask(target=OBJECT, headers={"Range": "bytes=9999-"}),
    "not changed": Ask(target=OBJECT, headers={"If-None-Match": "*"}),
    "unless changed": Ask(target=OBJECT, headers={"If-Match": '"other"'}),
    "not changed since": Ask(
        target=OBJECT, headers={"If-Modified-Since": "Wed, 01 Jan 2099 00:00:00 GMT"}
    ),
    "no such object": Ask(target="/lakes/none"),
    "no such bucket": Ask(target="/none"),
    "query without a value": Ask(target="/lakes?location"),
    "tags": Ask(target=f"{OBJECT}?tagging"),
    "broken XML": Ask(
        target=f"{OBJECT}?tagging",
        method="PUT",
        headers={"Content-Type": "application/xml"},
        body=b"<Tagging",
    ),
}
"""Unsigned requests, by what they are about. None of them changes the site."""

VARIES = (
    Varies(
        pattern=rb"(?<=<RequestID>)[^<]*|(?<=<RequestId>)[^<]*|[0-9A-Za-z]{52}",
        reason="each request has an id of its own",
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for everything."""
    return tmp_path_factory.mktemp("s3")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    """Return a store with a bucket that everybody may read."""
    with s3store(folder) as running:
        running.call(
            running.origin,
            ("create_bucket", {**BUCKET, "ACL": "public-read"}),
            ("create_bucket", PARTS),
            ("put_object", {**KEY, "Body": TEXT, "ACL": "public-read"}),
        )
        yield running


@pytest.fixture(scope="module")
def site(store: Store, folder: Path) -> Iterator[Behind]:
    """Return the store behind the proxy, which takes pieces in one bucket."""
    config = folder / "uploadfilter.toml"
    config.write_text(
        '[[routes]]\nname = "pieces"\npath = "/lakes"\n'
        'policy = { piecewise_upload = "accept" }\n'
        '[[routes]]\nname = "parts"\npath = "/ponds"\nprotocol = "s3"\n',
        encoding="ascii",
    )
    options = ("--config", str(config))
    with behind(
        store.origin, stored=folder / "none", folder=folder, options=options
    ) as stage:
        yield stage


@pytest.mark.parametrize("name", ASKS)
def test_answers_are_the_same_straight_and_through(
    site: Behind, store: Store, name: str
) -> None:
    """Status, headers and body of an answer do not tell that the proxy is there."""
    with store.open_to_all():
        found = differences(site, ASKS[name], VARIES)

    assert not found, "\n".join(found)


def keys(store: Store) -> set[str]:
    """Return the names of all objects, as the store itself tells them."""
    (listed,) = store.call(store.origin, ("list_objects_v2", BUCKET))
    return {item["Key"] for item in listed["Contents"]}


def test_signed_objects_are_put_read_listed_and_deleted(
    site: Behind, store: Store
) -> None:
    """Signatures hold, as what they cover goes on byte for byte."""
    content = pictures.unlisted(6401)
    boat = {**BUCKET, "Key": "boats/über a+b.jpg"}
    stored, read, part, listed, _, gone = store.call(
        site.proxy.url,
        (
            "put_object",
            {
                **boat,
                "Body": content,
                "ContentType": "image/jpeg",
                "Metadata": {"colour": "red"},
            },
        ),
        ("get_object", boat),
        ("get_object", {**boat, "Range": "bytes=100-199"}),
        ("list_objects_v2", {**BUCKET, "Prefix": "boats/"}),
        ("delete_object", boat),
        ("head_object", boat),
    )

    assert stored["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert read["Body"] == content
    assert read["Metadata"] == {"colour": "red"}
    assert part["Body"] == content[100:200]
    assert [item["Key"] for item in listed["Contents"]] == [boat["Key"]]
    assert gone == {"refused": 404}


def test_wrong_signature_is_refused_by_the_store(site: Behind, store: Store) -> None:
    """The store checks signatures, so that those which hold say something."""
    forger = Store(origin=store.origin, key=store.key, secret="forged")  # noqa: S106 -- that is the point
    (answer,) = forger.call(site.proxy.url, ("list_objects_v2", BUCKET))

    assert answer == {"refused": 403}


@pytest.mark.parametrize("checksums", ["when_required", "when_supported"])
def test_listed_object_is_rejected(site: Behind, store: Store, checksums: str) -> None:
    """A program gets 403, and the store does not get the object."""
    lake = {**BUCKET, "Key": f"lake-{checksums}.jpg", "Body": pictures.listed()}
    (answer,) = store.call(site.proxy.url, ("put_object", lake), checksums=checksums)

    assert answer == {"refused": 403}
    assert lake["Key"] not in keys(store)
    assert "MATCH" in site.verdicts()


def test_presigned_addresses_work(site: Behind, store: Store) -> None:
    """With a presigned address, a client reads or writes one object without a key."""
    content = pictures.unlisted(6402)
    addresses = store.call(
        site.proxy.url,
        *(
            (
                "generate_presigned_url",
                {"ClientMethod": method, "Params": {**BUCKET, "Key": key}},
            )
            for method, key in [
                ("put_object", "presigned.jpg"),
                ("get_object", "presigned.jpg"),
                ("put_object", "presigned-lake.jpg"),
            ]
        ),
    )
    with store.open_to_all():
        stored = put(addresses[0], content)
        read = curl(addresses[1])
        rejected = put(addresses[2], pictures.listed())

    assert (stored.status, read.body) == (200, content)
    assert rejected.status == 403
    assert "presigned-lake.jpg" not in keys(store)


def test_picture_in_several_parts_is_rejected_as_cut_off(
    site: Behind, store: Store
) -> None:
    """Each part is inspected by itself today: half a picture cannot be checked."""
    content = pictures.unlisted(6403)
    upload = {**BUCKET, "Key": "parts.jpg"}
    (begun,) = store.call(site.proxy.url, ("create_multipart_upload", upload))
    half = {"PartNumber": 1, "Body": content[: len(content) // 2]}
    part = {**upload, "UploadId": begun["UploadId"], **half}
    (answer,) = store.call(site.proxy.url, ("upload_part", part))
    reasons = {r["reason"] for r in site.records("--records", "decision")}

    assert answer == {"refused": 403}
    assert "truncated" in reasons


def test_part_is_refused_where_pieces_are_not_taken(site: Behind, store: Store) -> None:
    """By default, and also a single piece: nothing shows that it is the whole."""
    part = {"Bucket": "elsewhere", "Key": "parts.jpg", "UploadId": "a", "PartNumber": 1}
    (answer,) = store.call(site.proxy.url, ("upload_part", {**part, "Body": TEXT}))

    assert answer == {"refused": 400}


LEAST_PART_BYTES = 5 << 20


def in_two(content: bytes) -> tuple[bytes, bytes]:
    """Return two parts of an archive, which are cut in the middle of a picture."""
    noise = random.Random(2).randbytes(LEAST_PART_BYTES)  # noqa: S311
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("noise.bin", noise[: -len(content) // 2])
        archive.writestr("a.jpg", content)
    whole = file.getvalue()
    cut = max(LEAST_PART_BYTES, whole.index(content) + len(content) // 2)
    return whole[:cut], whole[cut:]


@pytest.mark.parametrize("tls", [False, True])
def test_multipart_uploads_are_inspected_as_one(
    site: Behind, store: Store, folder: Path, *, tls: bool
) -> None:
    """The parts come out of order, one of them twice; with TLS in chunks of S3."""
    unlisted, listed = in_two(pictures.unlisted(6407)), in_two(pictures.listed())
    front = tls_front(folder, site.proxy.url) if tls else nullcontext(site.proxy.url)
    more = {"checksums": "when_supported", "verify": False} if tls else {}
    with front as url:

        def send(key: str, first: bytes, second: bytes) -> dict[str, object]:
            named = {**PARTS, "Key": key}
            (begun,) = store.call(url, ("create_multipart_upload", named), **more)
            named |= {"UploadId": begun["UploadId"]}
            sent = store.call(
                url,
                ("upload_part", {**named, "PartNumber": 1, "Body": second}),
                ("upload_part", {**named, "PartNumber": 2, "Body": second}),
                ("upload_part", {**named, "PartNumber": 1, "Body": first}),
                **more,
            )
            tags = [answer["ETag"] for answer in reversed(sent[1:])]
            parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
            ended = {**named, "MultipartUpload": {"Parts": parts}}
            (done,) = store.call(url, ("complete_multipart_upload", ended), **more)
            return dict(done)

        accepted = send(f"{tls}-boat.zip", *unlisted)
        rejected = send(f"{tls}-lake.zip", *listed)
    kept = store.call(store.origin, ("list_objects_v2", PARTS))[0]["Contents"]
    names = [each["Key"] for each in kept]
    (read,) = store.call(
        store.origin, ("get_object", {**PARTS, "Key": f"{tls}-boat.zip"})
    )

    assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 200  # type: ignore[index] # of boto3
    assert read["Body"] == b"".join(unlisted)
    assert rejected == {"refused": 403}
    assert f"{tls}-lake.zip" not in names


LARGE = pictures.unlisted(6405) + bytes(3 << 20)
"""Four chunks of boto3, which are cut anywhere by the chunks of HTTP."""


def archive_of(content: bytes) -> bytes:
    """Return an archive of several chunks: in framed bytes its offsets are wrong."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.jpg", content)
        archive.writestr("noise.bin", random.Random(1).randbytes(2 << 20))  # noqa: S311
        archive.writestr("b.jpg", content)
    return file.getvalue()


def test_objects_in_chunks_of_aws_are_inspected(
    site: Behind, store: Store, folder: Path
) -> None:
    """Over TLS boto3 sends chunks and a checksum after them by default."""
    sent = {
        "small.txt": TEXT,
        "large.jpg": LARGE,
        "archive.zip": archive_of(pictures.unlisted(6406)),
    }
    listed = {
        "lake.jpg": pictures.listed(),
        "lake.zip": archive_of(pictures.listed()),
    }
    calls = [
        ("put_object", {**BUCKET, "Key": f"tls-{algorithm}-{name}", **more, "Body": b})
        for algorithm, more in (
            ("default", {}),
            ("SHA256", {"ChecksumAlgorithm": "SHA256"}),
        )
        for name, b in {**sent, **listed}.items()
    ]
    with tls_front(folder, site.proxy.url) as url:
        answers = store.call(url, *calls, checksums="when_supported", verify=False)
    stored = keys(store)

    for (_, asked), answer in zip(calls, answers, strict=True):
        name = str(asked["Key"]).rpartition("-")[2]
        if name in listed:
            assert answer == {"refused": 403}
            assert asked["Key"] not in stored
        else:
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200, asked["Key"]
            (read,) = store.call(
                store.origin, ("get_object", {**BUCKET, "Key": asked["Key"]})
            )
            assert read["Body"] == sent[name]
    assert {r["verdict"] for r in site.records("--records", "decision")} >= {
        "MATCH",
        "NO_MATCH",
    }


@pytest.fixture
def rclone(site: Behind, store: Store, tmp_path: Path) -> Callable[..., str]:
    """Return what runs rclone, which copies whole trees; ``s3:`` is the site."""
    program = debian("rclone", package="rclone")
    settings = {
        "RCLONE_CONFIG": str(tmp_path / "none.conf"),
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENDPOINT": site.proxy.url,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": store.key,
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": store.secret,
        "RCLONE_RETRIES": "1",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
    }

    def words(*arguments: str | Path) -> str:
        done = run(program, *arguments, env=settings, may_fail=True)
        return (done.stdout + done.stderr).decode()

    return words


def test_tree_is_copied_with_rclone(
    store: Store, rclone: Callable[..., str], tmp_path: Path
) -> None:
    """A whole tree arrives except the listed picture, and comes back unchanged."""
    kept = {"boat.jpg": pictures.unlisted(6404), "deep/café.txt": TEXT}
    for name, content in {**kept, "lake.jpg": pictures.listed()}.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(content)
    with store.open_to_all():
        said = rclone("copy", tmp_path / "tree", "s3:lakes/tree")
        rclone("copy", "s3:lakes/tree", tmp_path / "back")
    back = {
        str(path.relative_to(tmp_path / "back")): path.read_bytes()
        for path in (tmp_path / "back").rglob("*")
        if path.is_file()
    }

    assert "lake.jpg" in said
    assert back == kept
    assert "tree/lake.jpg" not in keys(store)
