"""Make small files that cost a careless filter seconds or gigabytes.

Everything here is computed in code, shows nothing, and is a few kilobytes to a few
megabytes long. Each bomb attacks another budget; ``python -m benchmarks hostile``
measures the cost of each, and ``tests/scanners/test_bombs.py`` checks its result.

To add a bomb: a function in the module of its sort (``bombs_pictures.py``,
``bombs_formats.py``, ``bombs_large.py``, ``bombs_containers.py``,
``bombs_archives.py``, ``bombs_pieces.py``, ``bombs_packed.py``, ``bombs_text.py``)
that returns its bytes, and its line in ``BOMBS``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hashsets.demo import bombs_archives as archives
from hashsets.demo import bombs_colours as colours
from hashsets.demo import bombs_containers as containers
from hashsets.demo import bombs_formats as formats
from hashsets.demo import bombs_large as large
from hashsets.demo import bombs_moving as moving
from hashsets.demo import bombs_packed as packed
from hashsets.demo import bombs_pictures as pictures
from hashsets.demo import bombs_pieces as pieces
from hashsets.demo import bombs_text as text
from hashsets.demo import bombs_views as views


@dataclass(frozen=True, slots=True)
class Bomb:
    """A hostile file.

    Attributes:
        name: The target of its attack, for reports.
        media_type: The type that an attacker would declare.
        make: Returns its bytes.
    """

    name: str
    media_type: str
    make: Callable[[], bytes]


BOMBS: tuple[Bomb, ...] = (
    Bomb(
        "png-169-megapixels",
        "image/png",
        lambda: pictures.flat_png(13000, 13000, bits=8, channels=1),
    ),
    Bomb(
        "png-195-megapixels-1-bit",
        "image/png",
        lambda: pictures.flat_png(13960, 13960, bits=1, channels=1),
    ),
    Bomb(
        "png-63-megapixels",
        "image/png",
        lambda: pictures.flat_png(7900, 7990, bits=8, channels=1),
    ),
    Bomb(
        "png-49-megapixels-rgba",
        "image/png",
        lambda: pictures.flat_png(7000, 7000, bits=8, channels=4),
    ),
    Bomb("png-comments", "image/png", pictures.text_png),
    Bomb("png-profile", "image/png", pictures.profile_png),
    Bomb("png-pages", "image/png", views.sheer_png),
    Bomb("png-frames", "image/png", pictures.animated_png),
    Bomb("jpeg-2000-scans", "image/jpeg", pictures.many_scans_jpeg),
    Bomb("jpeg-96-scans", "image/jpeg", pictures.some_scans_jpeg),
    Bomb("jpeg-4-gigapixels", "image/jpeg", pictures.huge_jpeg),
    Bomb("jpeg-canvas", "image/jpeg", views.canvas_jpeg),
    Bomb("jpeg-segments", "image/jpeg", pictures.segmented_jpeg),
    Bomb("jpeg-thousandfold", "image/jpeg", pictures.pictures_in_a_row),
    Bomb("gif-4-gigapixels", "image/gif", pictures.huge_gif),
    Bomb("gif-frames", "image/gif", pictures.long_gif),
    Bomb("gif-wide-frames", "image/gif", pictures.wide_gif),
    Bomb("apng-restored", "image/png", moving.restored_apng),
    Bomb("apng-scattered", "image/png", moving.scattered_apng),
    Bomb("webp-segments", "image/webp", moving.segments_webp),
    Bomb("gif-pieces", "image/gif", moving.pieces_gif),
    Bomb("gif-restored", "image/gif", moving.restored_gif),
    Bomb("webp-268-megapixels", "image/webp", pictures.huge_webp),
    Bomb("webp-frames", "image/webp", pictures.long_webp),
    Bomb("avif-4-gigapixels", "image/avif", pictures.huge_avif),
    Bomb("avif-16-megapixels", "image/avif", pictures.wide_avif),
    Bomb("jxl-huge", "image/jxl", pictures.huge_jxl),
    Bomb("png-61-megapixels", "image/png", large.large_png),
    Bomb("jpeg-64-megapixels", "image/jpeg", large.large_progressive_jpeg),
    Bomb("webp-49-megapixels", "image/webp", large.large_webp),
    Bomb("webp-16-megapixels-alpha", "image/webp", large.veiled_webp),
    Bomb("avif-25-megapixels", "image/avif", large.large_avif),
    Bomb("heic-24-megapixels", "image/heic", large.tiled_heic),
    Bomb("heic-250-megapixels", "image/heic", large.huge_heic),
    Bomb("heic-crumbs", "image/heic", large.crumbled_heic),
    Bomb("bmp-900-megapixels", "image/bmp", pictures.huge_bmp),
    Bomb("tiff-pages", "image/tiff", pictures.long_tiff),
    Bomb("tiff-59-megapixels", "image/tiff", pictures.huge_tiff),
    Bomb("tiff-loop", "image/tiff", pictures.looping_tiff),
    Bomb("ico-entries", "image/x-icon", pictures.crowded_icon),
    Bomb("zip-zeros", "application/zip", containers.flat_zip),
    Bomb("zip-nested", "application/zip", containers.nested_zip),
    Bomb("zip-members", "application/zip", containers.crowded_zip),
    Bomb("zip-overlap", "application/zip", containers.overlapping_zip),
    Bomb("gzip-zeros", "application/gzip", containers.zeros_gzip),
    Bomb("gzip-nested", "application/gzip", containers.nested_gzip),
    Bomb("bzip2-zeros", "application/x-bzip2", containers.zeros_bzip2),
    Bomb("xz-zeros", "application/x-xz", containers.zeros_xz),
    Bomb("zstd-zeros", "application/zstd", containers.zeros_zstd),
    Bomb("tar-members", "application/x-tar", containers.crowded_tar),
    Bomb("pdf-768-megabytes", "application/pdf", containers.huge_pdf),
    Bomb("pdf-pictures", "application/pdf", containers.crowded_pdf),
    Bomb("pdf-program", "application/pdf", views.program_pdf),
    Bomb("pdf-stretched", "application/pdf", views.stretched_pdf),
    Bomb("svg-entities", "image/svg+xml", containers.laughing_svg),
    Bomb("html-data-uris", "text/html", containers.crowded_page),
    Bomb("html-nested", "text/html", containers.nested_strings),
    Bomb("base64-endless", "text/plain", containers.endless_string),
    Bomb(
        "beginnings-of-jpeg",
        "application/octet-stream",
        lambda: containers.beginnings(containers.JPEG_BEGINNING),
    ),
    Bomb(
        "beginnings-of-png",
        "application/octet-stream",
        lambda: containers.beginnings(containers.PNG_BEGINNING),
    ),
    Bomb(
        "beginnings-of-bmp",
        "application/octet-stream",
        lambda: containers.beginnings(containers.BMP_BEGINNING),
    ),
    Bomb("png-chunks", "image/png", formats.chunked_png),
    Bomb("png-scattered", "image/png", formats.scattered_png),
    Bomb("gif-blocks", "image/gif", formats.blocks_gif),
    Bomb("webp-chunks", "image/webp", formats.chunked_webp),
    Bomb("webp-profile", "image/webp", formats.profiled_webp),
    Bomb("tiff-tags", "image/tiff", formats.tagged_tiff),
    Bomb("tiff-long-tags", "image/tiff", formats.long_tags_tiff),
    Bomb("tiff-strips", "image/tiff", formats.stripped_tiff),
    Bomb("tiff-tiles", "image/tiff", formats.tiled_tiff),
    Bomb("ico-65535-entries", "image/x-icon", formats.full_icon),
    Bomb("heic-items", "image/heic", formats.crowded_heic),
    Bomb("avif-items", "image/avif", formats.crowded_avif),
    Bomb("jxl-boxes", "image/jxl", formats.boxed_jxl),
    Bomb("jpeg-exif", "image/jpeg", formats.exif_jpeg),
    Bomb("jpeg-restarts", "image/jpeg", formats.restarted_jpeg),
    Bomb("jpeg-tables", "image/jpeg", formats.quality_tables_jpeg),
    Bomb("7z-zeros", "application/x-7z-compressed", archives.zeros_7z),
    Bomb("7z-window", "application/x-7z-compressed", archives.wide_7z),
    Bomb("7z-files", "application/x-7z-compressed", archives.crowded_7z),
    Bomb("rar-window", "application/vnd.rar", archives.wide_rar),
    Bomb("cab-zeros", "application/vnd.ms-cab-compressed", archives.zeros_cab),
    Bomb("ar-members", "application/x-archive", archives.crowded_ar),
    Bomb("xar-files", "application/x-xar", archives.crowded_xar),
    Bomb("xar-folders", "application/x-xar", archives.deep_xar),
    Bomb("iso-folders", "application/x-iso9660-image", archives.endless_disc),
    Bomb("iso-files", "application/x-iso9660-image", archives.crowded_disc),
    Bomb("archive-magics", "application/octet-stream", archives.archive_magics),
    Bomb("tar-holes", "application/x-tar", archives.holes_tar),
    Bomb("lzip-zeros", "application/x-lzip", archives.zeros_lzip),
    Bomb("ole-shared", "application/msword", pieces.shared_ole),
    Bomb("ole-streams", "application/msword", pieces.crowded_ole),
    Bomb("ole-packed", "application/vnd.ms-powerpoint", pieces.packed_ole),
    Bomb("sqlite-rows", "application/vnd.sqlite3", pieces.crowded_sqlite),
    Bomb("id3-frames", "audio/mpeg", pieces.crowded_tag),
    Bomb("ogg-pages", "audio/ogg", pieces.crowded_ogg),
    Bomb("deflate-nothing", "application/octet-stream", pieces.empty_deflate),
    Bomb("zip-deflate64", "application/zip", archives.zeros_deflate64),
    Bomb("png-profile-tags", "image/png", colours.tags_png),
    Bomb("png-profile-ways", "image/png", colours.ways_png),
    Bomb("png-profile-grey-alpha", "image/png", colours.grey_ways_png),
    Bomb("webp-profile-ways", "image/webp", colours.ways_webp),
    Bomb("png-profile-curve", "image/png", colours.long_curve_png),
    Bomb("png-profile-steep", "image/png", colours.steep_png),
    Bomb("jpeg-gain-maps", "image/jpeg", colours.gain_maps_jpeg),
    Bomb("avif-tone-maps", "image/avif", colours.tone_maps_avif),
    Bomb("zip-local-headers", "application/zip", packed.local_headers),
    Bomb("zip-scattered-headers", "application/zip", packed.scattered_headers),
    Bomb("zip-zstd", "application/zip", packed.zip_of_zstd),
    Bomb("zip-texts", "application/zip", packed.zip_of_texts),
    Bomb("zip-beginnings", "application/zip", packed.zip_of_beginnings),
    Bomb("gzip-members", "application/gzip", packed.many_gzips),
    Bomb("gzip-prose", "application/gzip", packed.prose_gzip),
    Bomb("bzip2-streams", "application/x-bzip2", packed.many_bzip2s),
    Bomb("xz-streams", "application/x-xz", packed.many_xzs),
    Bomb("zstd-frames", "application/zstd", packed.many_zstds),
    Bomb("brotli-zeros", "application/x-br", packed.zeros_brotli),
    Bomb("tar-extended", "application/x-tar", packed.extended_tar),
    Bomb("tar-records", "application/x-tar", packed.long_names_tar),
    Bomb("pdf-contents", "application/pdf", packed.crowded_content),
    Bomb("pdf-inline", "application/pdf", packed.inline_images),
    Bomb("pdf-small-inline", "application/pdf", packed.small_inline_images),
    Bomb("pdf-object-streams", "application/pdf", packed.object_streams),
    Bomb("pdf-filters", "application/pdf", packed.filter_chain),
    Bomb("pdf-loop", "application/pdf", packed.looping_references),
    Bomb("pdf-deep", "application/pdf", packed.deep_arrays),
    Bomb("pdf-without-table", "application/pdf", packed.without_table),
    Bomb("html-uris", "text/html", text.data_uris),
    Bomb("html-quoted-uris", "text/html", text.quoted_uris),
    Bomb("html-bare-uris", "text/html", text.bare_uris),
    Bomb("html-references", "text/html", text.references),
    Bomb("html-different-references", "text/html", text.different_references),
    Bomb("html-layered-references", "text/html", text.layered_references),
    Bomb("svg-many-entities", "image/svg+xml", text.entities),
    Bomb("svg-long-entity", "image/svg+xml", text.doubling_entities),
    Bomb("svg-elements", "image/svg+xml", text.drawing),
    Bomb("form-percent-signs", "application/x-www-form-urlencoded", text.percent_signs),
    Bomb(
        "form-layers", "application/x-www-form-urlencoded", text.layered_percent_signs
    ),
    Bomb("form-nothing", "application/x-www-form-urlencoded", text.bare_percent_signs),
    Bomb("json-backslashes", "application/json", text.backslashes),
    Bomb("json-escapes", "application/json", text.escapes),
    Bomb("text-words", "text/plain", text.words),
    Bomb("text-strings", "text/plain", text.short_strings),
    Bomb("text-checksums", "text/plain", text.checksums),
    Bomb("text-utf-16", "text/plain", text.wide_text),
    Bomb("text-beginnings", "text/plain", text.encoded_beginnings),
    Bomb("mail-soft-lines", "message/rfc822", text.soft_lines),
)
"""Every bomb, by its kind of file."""
