"""The uploads of the demo, and the right outcome of each.

To add a case, add a line to ``cases``, or to one of the functions that it calls.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageOps

from deploy.demo import guises
from tests.corpus import pictures
from tests.corpus.bombs.containers import nested_zip
from tests.corpus.bombs.pictures import many_scans_jpeg

LISTED_SEED = 1001
"""The listed picture that is uploaded in several forms: one of the demo set."""

UNLISTED_SEED = 7
"""A picture that no hash set knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One upload and its right outcome.

    Attributes:
        title: Title of the upload, for people.
        method: HTTP method.
        path: Path on the site.
        body: Body of the request.
        content_type: Declared type of the body.
        status: Right status for the client.
        published: Whether the origin must have the content afterwards.
        verdict: Right verdict of the decision.
        effect: Right effect of the decision.
        reason: Right reason, ``None`` for none.
        signal_types: The match must be of one of these; empty for no match.
    """

    title: str
    method: str
    path: str
    body: bytes
    content_type: str
    status: int
    published: bool
    verdict: str
    effect: str
    reason: str | None = None
    signal_types: tuple[str, ...] = ()


EXACT = ("md5", "sha1", "sha256")


def listed_file() -> bytes:
    """Return the listed picture as the file whose digests are in the set."""
    return pictures.jpeg(pictures.photograph(LISTED_SEED))


def cases() -> tuple[Case, ...]:
    """Return the uploads in the order in which they are sent."""
    listed = pictures.photograph(LISTED_SEED)
    smaller = listed.resize((800, 600), Image.Resampling.LANCZOS)
    unlisted = pictures.jpeg(pictures.photograph(UNLISTED_SEED))
    form_type, form = form_of(
        [
            ("name", None, b"Robin"),
            ("title", None, "At the lake \N{EN DASH} day 2".encode()),
            ("picture", "lake.jpg", unlisted),
            ("picture", "dinner.jpg", listed_file()),
        ]
    )
    return (
        _unlisted("an unlisted picture", "unlisted.jpg", unlisted),
        _listed("a listed picture, byte for byte", "listed.jpg", listed_file(), EXACT),
        _listed(
            "the listed picture, re-encoded and resized",
            "smaller.jpg",
            pictures.jpeg(smaller, quality=70),
            ("pdq",),
        ),
        _listed(
            "the listed picture, mirrored",
            "mirrored.jpg",
            pictures.jpeg(ImageOps.mirror(listed), quality=80),
            ("pdq",),
        ),
        _listed(
            "an altered copy: 5 % of each side cut off",
            "cut.jpg",
            pictures.jpeg(smaller.crop((40, 30, 760, 570)), quality=80),
            ("pdq",),
        ),
        Case(
            title="a form: two fields, an unlisted and the listed picture",
            method="POST",
            path="/upload",
            body=form,
            content_type=form_type,
            status=403,
            published=False,
            verdict="MATCH",
            effect="REJECT",
            signal_types=EXACT,
        ),
        *_guises(smaller),
        *_avatars(),
        *_bombs(),
    )


def _avatars() -> tuple[Case, ...]:
    """Return uploads to a route that takes nothing but pictures."""
    unlisted = pictures.jpeg(pictures.photograph(UNLISTED_SEED).resize((400, 300)))
    picture = _unlisted("an avatar", "robin.jpg", unlisted)
    other = replace(
        picture,
        title="a text document behind an avatar, where only pictures are taken",
        body=unlisted + guises.document(pictures.photograph(UNLISTED_SEED)),
        status=415,
        published=False,
        verdict="INCONCLUSIVE",
        effect="REJECT",
        reason="not_accepted",
    )
    return (
        replace(picture, path="/avatars/robin.jpg"),
        replace(other, path="/avatars/kim.jpg"),
    )


def _guises(listed: Image.Image) -> tuple[Case, ...]:
    """Return uploads in which the listed picture is inside of another file."""
    decoy = pictures.photograph(UNLISTED_SEED).resize(listed.size)
    return (
        _listed(
            "the listed picture in a text document",
            "minutes.docx",
            guises.document(listed),
            ("pdq",),
            content_type="application/zip",
        ),
        _listed(
            "the listed picture in an app's message, as base64 in JSON",
            "message.json",
            guises.message(listed),
            ("pdq",),
            content_type="application/json",
        ),
        _listed(
            "the listed picture as a phone's HEIC",
            "phone.heic",
            guises.phone_picture(listed),
            ("pdq",),
            content_type="image/heic",
        ),
        _listed(
            "a GIF whose second frame is the listed picture",
            "party.gif",
            guises.animation(decoy, listed),
            ("pdq",),
            content_type="image/gif",
        ),
        _listed(
            "a PNG whose transparency shows the listed picture on white",
            "veil.png",
            guises.veil(decoy, listed),
            ("pdq",),
            content_type="image/png",
        ),
    )


def _bombs() -> tuple[Case, ...]:
    """Return uploads that cost a careless filter seconds or gigabytes."""
    return (
        _refused(
            "a bomb: a small PNG of half a gigabyte",
            "bomb.png",
            pictures.bomb_png(),
            "too_many_pixels",
            content_type="image/png",
        ),
        _refused(
            "a bomb: a small JPEG of two thousand scans",
            "bomb.jpg",
            many_scans_jpeg(),
            "too_many_jpeg_scans",
            content_type="image/jpeg",
        ),
        _refused(
            "a bomb: archives in archives, sixteen terabytes in all",
            "bomb.zip",
            nested_zip(),
            "too_compressed",
            content_type="application/zip",
        ),
    )


def form_of(parts: Sequence[tuple[str, str | None, bytes]]) -> tuple[str, bytes]:
    """Encode a form as a browser does.

    Args:
        parts: Name, file name (``None`` for a field) and data of each part.

    Returns:
        The content type and the body.
    """
    boundary = f"----demo{secrets.token_hex(12)}"
    body = b"".join(_part(boundary, *part) for part in parts)
    return (
        f"multipart/form-data; boundary={boundary}",
        body + f"--{boundary}--\r\n".encode(),
    )


def _part(boundary: str, name: str, filename: str | None, data: bytes) -> bytes:
    """Return one part of a form with the boundary before it."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"\r\nContent-Type: image/jpeg'
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


def _unlisted(title: str, name: str, body: bytes) -> Case:
    """Return a raw upload that must be published."""
    return Case(
        title=title,
        method="PUT",
        path=f"/files/{name}",
        body=body,
        content_type="image/jpeg",
        status=201,
        published=True,
        verdict="NO_MATCH",
        effect="ACCEPT",
    )


def _listed(
    title: str,
    name: str,
    body: bytes,
    signal_types: tuple[str, ...],
    *,
    content_type: str = "image/jpeg",
) -> Case:
    """Return a raw upload that must be rejected because of a match."""
    return Case(
        title=title,
        method="PUT",
        path=f"/files/{name}",
        body=body,
        content_type=content_type,
        status=403,
        published=False,
        verdict="MATCH",
        effect="REJECT",
        signal_types=signal_types,
    )


def _refused(
    title: str, name: str, body: bytes, reason: str, *, content_type: str
) -> Case:
    """Return a raw upload that must be rejected: it cannot be inspected fully."""
    return Case(
        title=title,
        method="PUT",
        path=f"/files/{name}",
        body=body,
        content_type=content_type,
        status=403,
        published=False,
        verdict="INCONCLUSIVE",
        effect="REJECT",
        reason=reason,
    )
