"""The form parsers of real origins, asked as an origin asks them.

Each function takes the value of Content-Type and a body, and returns the values for a
site's code: fields as text, files as bytes. ``None`` means that the parser refused.
"""

import asyncio
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

import multipart
import python_multipart
import starlette.requests
import werkzeug
from aiohttp import BadContentDispositionHeader, MultipartReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.core.handlers.wsgi import WSGIRequest
from django.http.multipartparser import MultiPartParserError
from starlette.datastructures import UploadFile
from tornado import httputil
from werkzeug.sansio import multipart as sansio


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One item of a form as an origin's code gets it.

    Attributes:
        name: Field name.
        filename: File name; ``None`` for a field.
        data: The file's bytes, or the field's text in UTF-8.
    """

    name: str | None
    filename: str | None
    data: bytes


Parse = Callable[[str, bytes], list[Received] | None]

if not settings.configured:
    settings.configure(DEFAULT_CHARSET="utf-8", FILE_UPLOAD_MAX_MEMORY_SIZE=2**24)


def _environ(content_type: str, body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "SERVER_NAME": "origin",
        "SERVER_PORT": "80",
        "PATH_INFO": "/",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": False,
    }


def parse_django(content_type: str, body: bytes) -> list[Received] | None:
    """Read a form as a Django view does."""
    request = WSGIRequest(_environ(content_type, body))
    try:
        fields, files = request.POST, request.FILES
    except (MultiPartParserError, SuspiciousOperation, LookupError):
        return None
    found = [
        Received(name=name, filename=None, data=value.encode())
        for name, values in fields.lists()
        for value in values
    ]
    for name, uploads in files.lists():
        for upload in uploads:
            assert isinstance(upload, UploadedFile)
            found.append(Received(name=name, filename=upload.name, data=upload.read()))
            upload.close()
    return found


def parse_werkzeug(content_type: str, body: bytes) -> list[Received] | None:
    """Read a form as a Flask view does."""
    request = werkzeug.Request(_environ(content_type, body))
    try:
        fields, files = request.form, request.files
    except werkzeug.exceptions.HTTPException:
        return None
    found = [
        Received(name=name, filename=None, data=value.encode())
        for name, value in fields.items(multi=True)
    ]
    for name, upload in files.items(multi=True):
        found.append(Received(name=name, filename=upload.filename, data=upload.read()))
        upload.close()
    return found


def parse_starlette(content_type: str, body: bytes) -> list[Received] | None:
    """Read a form as a Starlette or FastAPI view does."""
    return asyncio.run(_parse_starlette(content_type, body))


async def _parse_starlette(content_type: str, body: bytes) -> list[Received] | None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode("latin-1"))]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    request = starlette.requests.Request(scope, receive)
    try:
        form = await request.form()
    except (
        starlette.exceptions.HTTPException,
        starlette.formparsers.MultiPartException,
    ):
        return None
    found = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            data = await value.read()
            found.append(Received(name=name, filename=value.filename, data=data))
        else:
            found.append(Received(name=name, filename=None, data=value.encode()))
    await form.close()
    return found


def parse_aiohttp(content_type: str, body: bytes) -> list[Received] | None:
    """Read a form as an aiohttp handler does."""
    return asyncio.run(_parse_aiohttp(content_type, body))


async def _parse_aiohttp(content_type: str, body: bytes) -> list[Received] | None:
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), 2**26, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    request = make_mocked_request(
        "POST", "/", {"Content-Type": content_type}, loop=loop, payload=stream
    )
    try:
        with warnings.catch_warnings():
            # aiohttp warns of odd headers in a form as if it had written them itself.
            warnings.simplefilter("ignore", BadContentDispositionHeader)
            form = await request.post()
    except (ValueError, RuntimeError, AssertionError):
        return None
    except (HttpProcessingError, web.HTTPRequestEntityTooLarge):
        return None
    return [_from_aiohttp(name, value) for name, value in form.items()]


def _from_aiohttp(
    name: str, value: str | bytes | bytearray | web.FileField
) -> Received:
    if isinstance(value, web.FileField):
        with value.file as file:
            return Received(name=name, filename=value.filename, data=file.read())
    data = value.encode() if isinstance(value, str) else bytes(value)
    return Received(name=name, filename=None, data=data)


def parse_bottle(content_type: str, body: bytes) -> list[Received] | None:
    """Read a form as Bottle does: with ``multipart``, not strict."""
    try:
        fields, files = multipart.parse_form_data(_environ(content_type, body))
    except multipart.MultipartError:
        return None
    found = [
        Received(name=name, filename=None, data=value.encode())
        for name, value in fields.iterallitems()
    ]
    for name, part in files.iterallitems():
        found.append(Received(name=name, filename=part.filename, data=part.raw))
        part.close()
    return found


def parse_email(content_type: str, body: bytes) -> list[Received] | None:
    """Read a form with the standard library's mail parser, as CGI scripts do now."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        message = message_from_bytes(head + body, policy=policy.compat32)
    if not message.is_multipart():
        return None
    return [
        Received(
            name=str(part.get_param("name", header="content-disposition")),
            filename=part.get_filename(),
            data=_payload(part),
        )
        for part in message.walk()
        if not part.is_multipart()
    ]


def _payload(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data


ORIGINS: dict[str, Parse] = {
    "django": parse_django,
    "werkzeug": parse_werkzeug,
    "starlette": parse_starlette,
    "aiohttp": parse_aiohttp,
    "bottle": parse_bottle,
    "email": parse_email,
}


# Readers of parts that need not be a form. Each takes any ``multipart`` type.


def _boundary_in(content_type: str) -> str:
    message = Message()
    message["Content-Type"] = content_type
    return message.get_boundary() or ""


def parse_aiohttp_parts(content_type: str, body: bytes) -> list[Received] | None:
    """Read parts as an aiohttp handler does that calls ``request.multipart()``."""
    return asyncio.run(_parse_aiohttp_parts(content_type, body, decode=False))


def parse_aiohttp_decoded(content_type: str, body: bytes) -> list[Received] | None:
    """Read parts in the same way, and let aiohttp undo every coding."""
    return asyncio.run(_parse_aiohttp_parts(content_type, body, decode=True))


async def _parse_aiohttp_parts(
    content_type: str, body: bytes, *, decode: bool
) -> list[Received] | None:
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), 2**26, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    found = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BadContentDispositionHeader)
            reader = MultipartReader({"Content-Type": content_type}, stream)
            while (part := await reader.next()) is not None:
                if isinstance(part, MultipartReader):
                    return None
                data = bytes(await part.read(decode=decode))
                found.append(
                    Received(name=part.name, filename=part.filename, data=data)
                )
    except (ValueError, RuntimeError, AssertionError, HttpProcessingError):
        return None
    return found


def parse_tornado_parts(content_type: str, body: bytes) -> list[Received] | None:
    """Read parts as a Tornado handler does, whatever the type says."""
    fields: dict[str, list[bytes]] = {}
    files: dict[str, list[httputil.HTTPFile]] = {}
    try:
        httputil.parse_multipart_form_data(
            _boundary_in(content_type).encode(), body, fields, files
        )
    except (httputil.HTTPInputError, ValueError):
        return None
    return [
        *(
            Received(name=name, filename=None, data=value)
            for name, values in fields.items()
            for value in values
        ),
        *(
            Received(name=name, filename=file.filename, data=file.body)
            for name, them in files.items()
            for file in them
        ),
    ]


def parse_werkzeug_parts(content_type: str, body: bytes) -> list[Received] | None:
    """Read parts with Werkzeug's decoder, whatever the type says."""
    decoder = sansio.MultipartDecoder(_boundary_in(content_type).encode())
    decoder.receive_data(body)
    decoder.receive_data(None)
    found: list[Received] = []
    try:
        while not isinstance(event := decoder.next_event(), sansio.Epilogue):
            if isinstance(event, sansio.File):
                found.append(
                    Received(name=event.name, filename=event.filename, data=b"")
                )
            elif isinstance(event, sansio.Field):
                found.append(Received(name=event.name, filename=None, data=b""))
            elif isinstance(event, sansio.Data):
                found[-1] = replace(found[-1], data=found[-1].data + event.data)
    except (ValueError, KeyError, werkzeug.exceptions.HTTPException):
        return None
    return found


def parse_push_parts(content_type: str, body: bytes) -> list[Received] | None:
    """Read parts with ``multipart``, not strict."""
    parser = multipart.PushMultipartParser(_boundary_in(content_type), strict=False)
    found: list[Received] = []
    try:
        for event in parser.parse(body):
            if isinstance(event, multipart.MultipartSegment):
                found.append(
                    Received(name=event.name, filename=event.filename, data=b"")
                )
            elif event is not None:
                found[-1] = replace(found[-1], data=found[-1].data + event)
    except multipart.MultipartError:
        return None
    return found


def parse_callbacks(content_type: str, body: bytes) -> list[Received] | None:
    """Read parts with the callbacks of ``python-multipart``."""
    found: list[bytes] = []

    def begin() -> None:
        found.append(b"")

    def take(data: bytes, start: int, end: int) -> None:
        found[-1] += data[start:end]

    parser = python_multipart.MultipartParser(
        _boundary_in(content_type), {"on_part_begin": begin, "on_part_data": take}
    )
    try:
        parser.write(body)
        parser.finalize()
    except python_multipart.exceptions.FormParserError:
        return None
    return [Received(name=None, filename=None, data=data) for data in found]


PART_READERS: dict[str, Parse] = {
    "aiohttp": parse_aiohttp_parts,
    "aiohttp, decoded": parse_aiohttp_decoded,
    "tornado": parse_tornado_parts,
    "werkzeug": parse_werkzeug_parts,
    "multipart": parse_push_parts,
    "python-multipart": parse_callbacks,
    "email": parse_email,
}
"""Readers that do not ask for a form."""
