"""A site whose pages cut files into slices, and whose script joins them.

It joins as the examples of the uploaders do: by the number, or the offset, that a form
states. A file can be fetched as soon as its first slice is there.
"""

import contextlib
import functools
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType

from typing_extensions import override

from tests.sites.formreaders import NODE_PACKAGES, node
from tests.sites.programs import run

SLICE_BYTES = 20_000

LONGEST_MS = 30_000
"""Milliseconds after which a page that reports no outcome counts as one that hangs."""

_SCRIPTS = {
    "dropzone": ("dropzone/dist/dropzone-min.js",),
    "resumable": ("resumablejs/resumable.js",),
    "flow": ("@flowjs/flow.js/dist/flow.js",),
    "simple": ("simple-uploader.js/dist/uploader.js",),
    "plupload": ("plupload/js/plupload.full.min.js",),
    "fineuploader": ("fine-uploader/fine-uploader/fine-uploader.core.js",),
    "range": (
        "jquery/dist/jquery.js",
        "blueimp-file-upload/js/vendor/jquery.ui.widget.js",
        "blueimp-file-upload/js/jquery.fileupload.js",
    ),
}

_UPPY = b"""
export { default as Core } from "@uppy/core";
export { default as Tus } from "@uppy/tus";
export { default as XHR } from "@uppy/xhr-upload";
"""

UPPY = """
    const uppy = new Uppy.Core({autoProceed: true});
    uppy.use(Uppy.PLUGIN, OPTIONS);
    uppy.on("upload-success", (_, answer) => done("success " + answer.uploadURL));
    uppy.on("upload-error", (_, error, answer) => done("error " + (
        answer?.status ?? error.originalResponse?.getStatus())));
    uppy.addFile({name: "lake.jpg", type: "image/jpeg", data: file});
"""
"""What a page does with Uppy, by one of its plugins and the options of that."""

UPLOADS: Mapping[str, str] = {
    "dropzone": """
        Dropzone.autoDiscover = false;
        const zone = new Dropzone("#zone", {url: "/up/dropzone", chunking: true,
            forceChunking: true, chunkSize: SIZE, parallelChunkUploads: true});
        zone.on("success", () => done("success"));
        zone.on("error", (file, why, request) => done("error " + request.status));
        zone.addFile(file);
    """,
    "resumable": """
        const sender = new Resumable({target: "/up/resumable", chunkSize: SIZE,
            maxChunkRetries: 3});
        sender.on("fileSuccess", () => done("success"));
        sender.on("fileError", () => done("error 403"));
        sender.on("fileAdded", () => sender.upload());
        sender.addFile(file);
    """,
    "flow": """
        const sender = new Flow({target: "/up/flow", chunkSize: SIZE});
        sender.on("fileSuccess", () => done("success"));
        sender.on("fileError", (file, why, chunk) => done("error " + chunk.xhr.status));
        sender.on("filesSubmitted", () => sender.upload());
        sender.addFile(file);
    """,
    "simple": """
        const sender = new Uploader({target: "/up/simple", chunkSize: SIZE});
        sender.on("fileSuccess", () => done("success"));
        sender.on("fileError", (root, file, why, chunk) => done(
            "error " + chunk.xhr.status));
        sender.on("filesSubmitted", () => sender.upload());
        sender.addFile(file);
    """,
    "plupload": """
        const sender = new plupload.Uploader({url: "/up/plupload", chunk_size: SIZE,
            browse_button: "zone", runtimes: "html5", max_retries: 0});
        sender.bind("FileUploaded", () => done("success"));
        sender.bind("Error", (_, error) => done("error " + error.status));
        sender.bind("FilesAdded", () => setTimeout(() => sender.start()));
        sender.bind("PostInit", () => sender.addFile(file));
        sender.init();
    """,
    "uppy": UPPY.replace("PLUGIN", "XHR")
    .replace("OPTIONS", '{endpoint: "/up/uppy"}')
    .replace('"success " + answer.uploadURL', '"success"'),
    "fineuploader": """
        const sender = new qq.FineUploaderBasic({
            request: {endpoint: "/up/fineuploader"},
            chunking: {enabled: true, partSize: SIZE},
            retry: {enableAuto: false},
            callbacks: {
                onComplete: (id, name, answer, request) => done(
                    answer.success ? "success" : "error " + request.status)}});
        sender.addFiles([file]);
    """,
    "range": """
        jQuery("#zone").fileupload({url: "/up/range", maxChunkSize: SIZE,
            done: () => done("success"),
            fail: (event, data) => done("error " + data.jqXHR.status)});
        jQuery("#zone").fileupload("add", {files: [file]});
    """,
}
"""What a page does with ``file``; ``done`` gets the outcome that its script reports."""


def sending(uploader: str) -> str:
    """Return a function for a page that sends bytes, and waits for the outcome."""
    return evaluated(UPLOADS[uploader])


def evaluated(script: str) -> str:
    """Return a function that runs a script as in ``UPLOADS``."""
    body = script.replace("SIZE", str(SLICE_BYTES))
    return f"""
    (bytes) => new Promise((done) => {{
        const file = new File([new Uint8Array(bytes)], "lake.jpg",
            {{type: "image/jpeg"}});
        setTimeout(() => done("nothing"), {LONGEST_MS});
        {body}
    }})
    """


@dataclass(slots=True)
class Joining:
    """The site.

    Attributes:
        url: Where it is.
        files: What can be fetched, by uploader.
        forms: How many slices came, by uploader.
    """

    url: str = ""
    files: dict[str, bytearray] = field(default_factory=dict)
    forms: dict[str, int] = field(default_factory=dict)

    def take(self, uploader: str, headers: Mapping[str, str], body: bytes) -> None:
        """Join one slice."""
        kind = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        fields: dict[str, str] = {}
        data = b""
        for part in message_from_bytes(kind + body).walk():
            name = part.get_param("name", header="content-disposition")
            value = part.get_payload(decode=True)
            if not isinstance(value, bytes) or name is None:
                continue
            if part.get_filename() is None:
                fields[str(name)] = value.decode()
            else:
                data = value
        end = len(self.files.get(uploader, b""))
        self.put(uploader, _offset(uploader, fields, headers, end), data)

    def put(self, uploader: str, at: int, data: bytes) -> None:
        """Put bytes into a file."""
        self.files.setdefault(uploader, bytearray())[at : at + len(data)] = data
        self.forms[uploader] = self.forms.get(uploader, 0) + 1


def _offset(
    uploader: str, fields: Mapping[str, str], headers: Mapping[str, str], end: int
) -> int:
    """Return where a slice begins; ``end`` is the length of the file so far."""
    match uploader:
        case "plupload" | "uppy":  # the script appends, or a form brings all
            return end if int(fields.get("chunk", "0")) else 0
        case "simple":
            return (int(fields["chunkNumber"]) - 1) * int(fields["chunkSize"])
        case "dropzone":
            return int(fields["dzchunkbyteoffset"])
        case "fineuploader":
            return int(fields["qqpartbyteoffset"])
        case "range":
            text = headers["Content-Range"].removeprefix("bytes ")
            return int(text.partition("-")[0])
        case _:
            number = int(fields[f"{uploader}ChunkNumber"])
            return (number - 1) * int(fields[f"{uploader}ChunkSize"])


def _page(uploader: str) -> str:
    """Return a page with the script of an uploader."""
    paths = [NODE_PACKAGES / name for name in _SCRIPTS.get(uploader, ())]
    scripts = [path.read_text("utf-8") for path in paths]
    if uploader == "uppy":
        scripts = [_uppy()]
    page = "<!doctype html><form id=zone></form>"
    for text in scripts:
        page += "<script>" + text.replace("</script", "<\\/script") + "</script>"
    return page


@functools.cache
def _uppy() -> str:
    """Return Uppy as one script: its packages are modules."""
    bundling = (NODE_PACKAGES / ".bin/esbuild", "--bundle", "--format=iife")
    made = run(
        *(node(), *bundling, "--global-name=Uppy"),
        cwd=NODE_PACKAGES.parent,
        data=_UPPY,
    )
    return made.stdout.decode()


class _Handler(BaseHTTPRequestHandler):
    """Serves pages, and joins.

    Attributes:
        site: The self.site.
    """

    site: Joining

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Serve a page with the script of an uploader."""
        if self.path.startswith("/up/"):  # whether a slice is here already
            self._answer(b"", "text/plain", 204)
            return
        page = _page(self.path.rpartition("/")[2])
        self._answer(page.encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        """Take a slice."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        uploader = self.path.partition("?")[0].rpartition("/")[2]
        self.site.take(uploader, dict(self.headers.items()), body)
        self._answer(b'{"success": true, "files": []}', "application/json")

    def _answer(
        self,
        body: bytes,
        kind: str,
        status: int = 200,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def joining() -> Iterator[Joining]:
    """Run the site for the length of the block."""
    site = Joining()

    class Handler(_Handler):
        """The requests of this site."""

    Handler.site = site
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
