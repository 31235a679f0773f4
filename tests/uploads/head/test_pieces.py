"""Every protocol that cuts a file is recognised, and a whole file passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.uploads.forms import LIMITS, feed
from tests.uploads.variants import B
from uploadfilter.uploads.body.extractors import FormExtractor
from uploadfilter.uploads.head.pieces import in_head, is_whole_range, looked_at
from uploadfilter.uploads.head.signs import Signs

Header = tuple[str, str]


def is_piece(
    *headers: Header, method: str = "PUT", query: str = "", length: int | None = 10
) -> bool:
    """Ask for a head with ten bytes of body."""
    return in_head(
        [(name.encode(), value.encode()) for name, value in headers],
        method=method,
        target=f"/upload?{query}" if query else "/upload",
        length=length,
    )


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Range", "bytes 0-9/20")],
        [("Content-Range", "bytes 10-19/20")],
        [("Content-Range", "bytes 0-9/*")],
        [("Content-Range", "0-9")],
        [("X-Content-Range", "bytes 0-9/20"), ("Session-ID", "1")],
        [("X-Update-Range", "append")],
        [("X-Update-Range", "bytes=0-9")],
        [("x-ms-range", "bytes=0-9")],
        [("x-ms-page-write", "update")],
        [("x-ms-blob-content-offset", "0")],
        [("x-ms-blob-condition-appendpos", "0")],
        [("Range", "bytes=0-9")],
        [("Upload-Offset", "0")],
        [("Upload-Offset", "10"), ("Upload-Complete", "?1")],
        [("Upload-Complete", "?0")],
        [("Upload-Incomplete", "?1")],
        [("Upload-Length", "20"), ("Tus-Resumable", "1.0.0")],
        [("Upload-Concat", "partial")],
        [("Upload-Defer-Length", "1")],
        [("X-Upload-Offset", "10")],
        [("X-File-Offset", "10"), ("X-File-Size", "20")],
        [("X-Goog-Upload-Command", "upload"), ("X-Goog-Upload-Offset", "0")],
        [("X-Goog-Upload-Command", "upload, finalize"), ("X-Goog-Upload-Offset", "8")],
        [
            ("X-Goog-Upload-Command", "upload"),
            ("X-Goog-Upload-Command", "upload, finalize"),
        ],
        [("Dropbox-API-Arg", '{"cursor": {"session_id": "a", "offset": 0}}')],
        [("Dropbox-API-Arg", '{"\\u0063ursor": {}}')],
        [("Dropbox-API-Arg", "?")],
        [("OC-Chunked", "1")],
        [("OC-Total-Length", "20")],
        [("X-Chunk-Index", "0")],
        [("X-Chunk-Number", "1"), ("X-Total-Chunks", "2")],
        [("X-Chunk-Hash", "a")],
        [("X-File-Chunk", "1")],
        [("X-Bz-Part-Number", "1")],
        [("X-Part-Number", "1")],
        [("X-Block-Index", "0")],
        [("x-amz-write-offset-bytes", "0")],
        [("X-Object-Manifest", "photos/a_")],
        [("Chunk-Index", "0"), ("Total-Chunk", "3")],
        [("Chunk-Number", "2")],
        [("Chunk-Offset", "20")],
        [("Part-Number", "2")],
        [("Upload-Part-Number", "2")],
        [("File-Offset", "20")],
        [("X-Offset", "20")],
        [("X-Slice-Index", "0"), ("X-Total-Slices", "2")],
        [("Uploader-Chunk-Number", "0"), ("Uploader-Chunks-Total", "2")],
        [("X-Upyun-Part-Id", "0"), ("X-Upyun-Multi-Stage", "upload")],
        [("X-Acme-Photo-Segment-No", "1")],
    ],
)
def test_head_says_that_it_is_a_piece(headers: list[Header]) -> None:
    """Many names mark it; a name alone suffices if no value can mean the whole."""
    assert is_piece(*headers)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Range", "bytes 0-9/10")],
        [("X-Content-Range", "bytes 0-9/10")],
        [("Upload-Complete", "?1")],
        [("Upload-Incomplete", "?0")],
        [("Upload-Offset", "0"), ("Upload-Complete", "?1")],
        [("Upload-Offset", "0"), ("Upload-Length", "10")],
        [("Upload-Length", "10"), ("Tus-Resumable", "1.0.0")],
        [("X-Goog-Upload-Command", "start"), ("X-Goog-Upload-Protocol", "resumable")],
        [("X-Goog-Upload-Command", "upload, finalize"), ("X-Goog-Upload-Offset", "0")],
        [("Dropbox-API-Arg", '{"path": "/a.jpg", "mode": "add"}')],
        [("OC-Total-Length", "10")],
        [("X-File-Size", "10")],
        [("X-Chunk-Index", "0"), ("X-Total-Chunks", "1")],
        [("X-Chunk-Number", "1"), ("X-Chunks-Count", "1")],
        [("X-Segment", "a"), ("X-Requested-With", "XMLHttpRequest")],
        [("Part-Number", "1"), ("Total-Parts", "1")],
        [("X-Offset", "0")],
        [("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")],
    ],
)
def test_whole_file_is_no_piece(headers: list[Header]) -> None:
    """An honest client states for every small file that it is complete."""
    assert not is_piece(*headers)


RANGED = ("Content-Range", "X-Content-Range", "X-Upload-Content-Range", "X-File-Range")
OFFSETS = ("X-File-Offset", "X-Upload-Offset", "Upload-Offset", "X-Goog-Upload-Offset")
IN_PLACE = ("X-Update-Range", "x-ms-range", "Range")


@given(
    ranged=st.sampled_from([*RANGED, *OFFSETS, *IN_PLACE]),
    is_upper=st.booleans(),
    method=st.sampled_from(["PUT", "PATCH", "POST"]),
    at=st.integers(0, 40),
    length=st.integers(1, 40),
    more=st.integers(0, 40),
    is_total_known=st.booleans(),
)
def test_no_range_passes_without_its_protocol(
    *,
    ranged: str,
    is_upper: bool,
    method: str,
    at: int,
    length: int,
    more: int,
    is_total_known: bool,
) -> None:
    """Whatever header names it, on whatever method: only the whole file passes.

    ``test_range_of_a_whole_file_is_dropped`` has the other half: its range does not.
    """
    total = at + length + more
    span = f"bytes {at}-{at + length - 1}/{total if is_total_known else '*'}"
    values = {
        **dict.fromkeys(RANGED, span),
        **dict.fromkeys(OFFSETS, str(at)),
        **dict.fromkeys(IN_PLACE, f"bytes={at}-{at + length - 1}"),
    }
    name = ranged.upper() if is_upper else ranged
    found = is_piece((name, values[ranged]), method=method, length=length)
    is_whole = ranged in RANGED and is_total_known and (at, more) == (0, 0)
    is_read = ranged == "Range" and method == "POST"
    assert found is not (is_whole or is_read)
    if ranged == "Content-Range":
        assert is_whole_range(span.encode()) is is_whole


PIECES = [
    "partNumber=1&uploadId=a",
    "comp=block&blockid=a",
    "comp=page",
    "comp=appendblock",
    "comp=range",
    "append&position=0",
    "appendpos=0",
    "action=append&position=0",
    "resumableChunkNumber=1&resumableTotalChunks=2",
    "flowChunkNumber=2&flowTotalChunks=2",
    "dzchunkindex=0&dztotalchunkcount=3",
    "dzchunkbyteoffset=5",
    "chunk=1",
    "chunk=0&chunks=2",
    "CHUNK=0&Chunks=2",
    "chunk_index=0",
    "chunkIndex=0&totalChunks=4",
    "current_chunk=3&total_chunks=4",
    "qqpartindex=0&qqtotalparts=2",
    "qqpartbyteoffset=10",
    "offset=10",
    "fileOffset=10",
    "%63hunk=1",
    "multipart-manifest=put",
    "op=APPEND",
    "fileStart=10",
    "byteStart=10",
    "sliceIndex=0&totalSlices=2",
    "index=0&total_slices=2",
    "partNumber=1&totalParts=2",
    "file[chunk]=1",
    "command=APPEND&media_id=1&segment_index=0",
    "resumeAt=10",
    "finalChunk=0",
    "isLastChunk=false",
    "last_part=no",
    "func=chunked_upload&upload_id=a&offset=0",
    "range=0,10,30",
    "range=10,10,20",
    "chunk=0x1",
    "chunk=.1e1",
    "chunk=0_1",
    "chunk=%D9%A1&chunks=%D9%A2",
    "chunk=0&chunks=%D9%A2",
    "metadata=%7B%22chunkIndex%22:0,%22totalChunks%22:2%7D",
]


@pytest.mark.parametrize("query", PIECES)
def test_query_says_that_it_is_a_piece(query: str) -> None:
    """Names are found in any case, with any punctuation, encoded or not."""
    assert is_piece(query=query)


@pytest.mark.parametrize(
    "query",
    [
        "chunk=0&chunks=1",
        "chunk=0",
        "chunk=0&chunks=0",
        "resumableChunkNumber=1&resumableTotalChunks=1",
        "flowChunkNumber=1&flowTotalChunks=1",
        "dzchunkindex=0&dztotalchunkcount=1&dzchunkbyteoffset=0",
        "chunkIndex=0&totalChunks=1",
        "qqpartindex=0&qqtotalparts=1",
        "partNumber=4711",
        "uploadId=a",
        "comp=metadata",
        "action=append",
        "position=3",
        "offset=0",
        "slice_id=5",
        "part=2&parts=3",
        "block=4",
        "page=2",
        "multipart-manifest=get",
        "op=CREATE",
        "sliceIndex=0&totalSlices=1",
        "pieces=12",
        "finalChunk=1&chunk=0&chunks=1",
        "last_part=",
        "range=0,20,20",
        "range=1,5",
        "chunk=0x0",
        "chunk=0.0",
        "metadata=%7B%22chunkIndex%22:0,%22totalChunks%22:1%7D",
        "metadata=%7B%22title%22:%22a%22,%22index%22:3%7D",
    ],
)
def test_query_of_a_whole_file_passes(query: str) -> None:
    """Words with other meanings pass, and so does one piece that is the whole."""
    assert not is_piece(query=query)


@given(
    found=st.sampled_from(
        [
            *("comp=block", "comp=page", "comp=appendblock", "comp=range"),
            *("op=APPEND", "op=CONCAT", "multipart-manifest=put"),
            "action=append&position=0",
        ]
    ),
    sign=st.sampled_from("&;"),
    is_first=st.booleans(),
    is_upper=st.booleans(),
)
def test_value_that_comes_beside_another_is_read(
    found: str, *, sign: str, is_first: bool, is_upper: bool
) -> None:
    """Some origins take the first value, some the last, and some end it at ``;``."""
    other = f"{found.partition('=')[0]}=other"
    query = f"{found}{sign}{other}" if is_first else f"{other}{sign}{found}"
    assert is_piece(query=query.upper() if is_upper else query)
    assert not is_piece(query=other)


def test_list_is_asked_for_from_an_offset() -> None:
    """A message to a program is not a file."""
    json = ("Content-Type", "application/json; charset=utf-8")

    assert not is_piece(json, method="POST", query="offset=20&limit=10")
    assert is_piece(("Content-Type", "image/jpeg"), method="POST", query="offset=20")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("uploadId=a", [("Authorization", "AWS4-HMAC-SHA256 a")]),
        ("uploadId=a", [("Authorization", "AWS a:b"), ("Content-Type", "image/png")]),
        ("uploadId=a&X-Amz-Signature=b", [("Content-Type", "image/png")]),
        ("uploadId=a&AWSAccessKeyId=b", [("Content-Type", "image/png")]),
        ("uploadId=a", [("x-amz-date", "b"), ("Content-Type", "image/png")]),
        ("%75ploadId=a", [("Authorization", "AWS a:b")]),
    ],
)
def test_list_of_parts_joins_what_came_by_a_route_for_s3(
    query: str, headers: list[Header]
) -> None:
    """That route lets parts pass before the verdict, so no other one takes the list."""
    assert is_piece(*headers, method="POST", query=query)
    assert not is_piece(
        ("Content-Type", "image/png"), method="POST", query="uploadId=a"
    )


def test_range_of_a_post_is_none_of_a_file() -> None:
    """Only a request that writes carries a piece because of a range."""
    assert not is_piece(("Range", "bytes=0-9"), method="POST")


@pytest.mark.parametrize(
    "path",
    [
        "/remote.php/dav/uploads/me/4711/00001",
        "/remote.php/dav/uploads/me/4711/%30",
        "/remote.php/webdav/a.jpg-chunking-4711-10-0",
        "/2/files/upload_session/append_v2",
        "/api/2.0/files/upload_sessions/F9",
        "/mkblk/4194304",
        "/bput/ctx/4096",
        "/mkfile/8192/key/YQ==",
        "/_api/web/files('a')/StartUpload(uploadId=guid'a')",
        "/_api/web/files('a')/continueupload(uploadId=guid'a',fileOffset='9')",
        "/buckets/b/objects/o/uploads/u/1",
    ],
)
def test_path_says_that_it_is_a_piece(path: str) -> None:
    """Some services take pieces under their own paths."""
    assert in_head([], method="PUT", target=path, length=10)
    assert not in_head([], method="PUT", target="/remote.php/dav/files/me/a", length=1)


def form(fields: dict[str, str], *, file: str = "file") -> bytes:
    """Encode a form with these fields and a file."""
    parts = [
        f'--AaBb\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--AaBb\r\nContent-Disposition: form-data; name="{file}"; filename="a.jpg"\r\n'
        "\r\ndata\r\n--AaBb--\r\n"
    )
    return "".join(parts).encode()


def form_is_piece(fields: dict[str, str], *, file: str = "file") -> bool:
    """Read a form; say whether it was found to be a piece."""
    extractor = FormExtractor(B, LIMITS)
    body = form(fields, file=file)
    return feed(extractor, [body[:40], body[40:]]).is_piece


@pytest.mark.parametrize(
    "fields",
    [
        {"dzuuid": "a", "dzchunkindex": "0", "dztotalchunkcount": "2"},
        {"resumableChunkNumber": "1", "resumableTotalChunks": "2"},
        {"flowChunkNumber": "2", "flowTotalChunks": "2"},
        {"name": "a.jpg", "chunk": "0", "chunks": "2"},
        {"name": "a.jpg", "chunk": "1"},
        {"qqpartindex": "0", "qqtotalparts": "2", "qquuid": "a"},
        {"chunkIndex": "0"},
        {"sliceIndex": "1", "totalSlices": "3"},
        {"totalPieces": "3", "index": "0"},
        {"chunk_number": " 2", "total_chunks": "2"},
        {"offset": "5"},
        {"total_chunks": "2 of them"},
        {"chunk": "a.jpg.0_1.part", "cid": "1", "range": "0,4,9"},
        {"chunk": "a.jpg.1_1.part", "cid": "1", "range": "4,5,9"},
        {"metadata": '{"chunkIndex":0,"totalChunks":2,"fileName":"a.jpg"}'},
        {
            "metadata": '{"\\u0063hunkIndex": 1, "fileName": "a.jpg", "a": "'
            + "b" * 2000
        },
        {"metadata": '{"TotalChunks":2,"ChunkIndex":0,"UploadID":"a"}'},
        {"chunkMetadata": '{"FileName":"a.jpg","Index":0,"TotalCount":2}'},
        {"segment_index": "1", "media_id": "5"},
        {"resume": "1", "resumeAt": "5", "finalChunk": "1"},
        {"resume": "1", "finalChunk": "0"},
        {"jupart": "1", "jufinal": "0"},
        {"chunk": "\u0661", "chunks": "\u0662"},
    ],
)
def test_form_says_that_its_file_is_a_piece(fields: dict[str, str]) -> None:
    """The fields of every uploader that cuts files are known."""
    assert form_is_piece(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"chunk": "0", "chunks": "1", "name": "a.jpg"},
        {"dzchunkindex": "0", "dztotalchunkcount": "1"},
        {"resumableChunkNumber": "1", "resumableTotalChunks": "1"},
        {"qqtotalfilesize": "4", "qqfilename": "a.jpg"},
        {"chunk": "of prose", "parts": "3", "part_number": "4711-A", "slice_id": "5"},
        {"offset": "0", "position": "3", "start": "10"},
        {"pieces": "12", "weight": "20"},
        {"number_of_pieces": "3", "total_parts": "4"},
        {"chunk_size": "1000", "chunk_overlap": "200"},
        {"slices": "8", "number": "12", "total": "250"},
        {"range": "0,4,4", "cid": "1"},
        {"range": "1,5"},
        {"metadata": '{"chunkIndex":0,"totalChunks":1,"fileName":"a.jpg"}'},
        {"chunkMetadata": '{"FileName":"a.jpg","Index":0,"TotalCount":1}'},
        {"metadata": '{"title": "in 3 pieces", "index": 7, "pages": 12}'},
        {"finalChunk": "1"},
    ],
)
def test_form_with_a_whole_file_is_no_piece(fields: dict[str, str]) -> None:
    """Plupload states for each small file that it is piece 0 of 1."""
    assert not form_is_piece(fields)


def test_file_that_is_called_a_chunk_is_one() -> None:
    """Uploaders of single sites use this name, and any name for the number."""
    assert form_is_piece({"index": "3", "total": "9"}, file="chunk")
    assert not form_is_piece({"totalChunks": "1"}, file="chunk")


def test_form_without_a_file_has_an_offset_for_something_else() -> None:
    """There it is the beginning of a list."""
    signs = Signs([("offset", "20")])

    assert not signs.is_piece


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40))))
def test_any_words_are_read(named: list[tuple[str, str]]) -> None:
    """No request makes this raise, and the order does not matter."""
    assert Signs(named).is_piece == Signs(named[::-1]).is_piece


@given(
    st.lists(st.tuples(st.sampled_from(PIECES), st.booleans()), min_size=1, max_size=4),
    st.lists(st.sampled_from(["a=1", "page=2", "name=chunk"]), max_size=3),
)
def test_other_words_hide_nothing(
    chosen: list[tuple[str, bool]], others: list[str]
) -> None:
    """A request that is a piece by some words stays one with any other words."""
    words = [word for word, _ in chosen[:1]]
    query = "&".join(others + words if chosen[0][1] else words + others)

    assert is_piece(query=query)


_NAMES = st.sampled_from(
    [
        *(
            name.encode()
            for name in ("Range", "X-Forwarded-For", "x-real-ip", "Cookie")
        ),
        *(b"X-Chunk-Index", b"Upload-Offset", b"content-range", b"X-Forwarded-Chunk"),
        *(
            b"chunk",
            b"Total-Chunks",
            b"x-request-id",
            b"OC-Chunked",
            b"x-",
            b"",
            b"\xc4",
        ),
        *(b"X-Forwarded-Forx", b"a\nrange", b"offset", b"Host", b"FILE-PART"),
    ]
)


@given(
    headers=st.lists(
        st.tuples(_NAMES | st.binary(max_size=8), st.sampled_from([b"0", b"1", b"x"])),
        max_size=4,
    ),
    method=st.sampled_from(["PUT", "POST"]),
    target=st.sampled_from(["/a", "/a?chunk=1", "/upload_session/start", "/a%3F"]),
)
def test_heads_that_say_nothing_are_told_at_a_glance(
    headers: list[tuple[bytes, bytes]], method: str, target: str
) -> None:
    """One check of all names gives the result of reading every header."""
    wanted = looked_at(headers, method=method, target=target, length=5)

    assert in_head(headers, method=method, target=target, length=5) == wanted
