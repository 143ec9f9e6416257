"""Draws small WebP previews of photos and videos, upright and without metadata.

Called inside a worker process: this is where strangers' pixels are decoded.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO

import pillow_heif
from PIL import ExifTags, Image, ImageCms, ImageOps

from daydrop.capturedate import exif, scan
from daydrop.media import kinds
from daydrop.media.kinds import Kind, MediaType

EDGES = (320, 640)  # pixels of the longer edge: the grid, and the grid on dense screens
VIEW = 2048  # the same of a whole screen, for what no browser shows (HEIC, RAW, TIFF)
QUALITY = 80
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PSD", "JPEG2000", "AVIF", "HEIF")
EMBEDDED_WITHIN = 16 * 1024 * 1024
EMBEDDED_MOST = 12
JPEG_START = b"\xff\xd8\xff"
POSTER_AT = 1.0  # seconds: many videos begin in black

# Named, not probed: a playlist in disguise must not make FFmpeg open other files.
DEMUXERS = {
    **dict.fromkeys(kinds.BOXED_FILMS, "mov"),
    kinds.AVI: "avi",
    kinds.MKV: "matroska",
    kinds.WEBM: "matroska",
    kinds.OGV: "ogg",
    kinds.ASF: "asf",
    kinds.FLV: "flv",
    kinds.MPEG: "mpeg",
    kinds.MPEG_TS: "mpegts",
    kinds.DV: "dv",
}

pillow_heif.register_heif_opener()


class NotDrawableError(Exception):
    """A file of which no preview can be made; the text says why, for the log."""


def draw(file: BinaryIO, media: MediaType, edges: Sequence[int]) -> tuple[bytes, ...]:
    """Draw previews of so many pixels at most, decoding once. Raises NotDrawableError."""
    try:
        picture = _upright(file, media, max(edges))
        return tuple(_encoded(picture, edge) for edge in edges)
    except (*exif.BROKEN, Image.DecompressionBombError, MemoryError) as problem:
        raise NotDrawableError(f"{type(problem).__name__}: {problem}") from problem


def _upright(file: BinaryIO, media: MediaType, edge: int) -> Image.Image:
    if media.kind is Kind.VIDEO:
        return _plain(_poster(file, media), edge)
    if media in {kinds.TIFF, kinds.CR2}:
        return max(_main_and_embedded(file, edge), key=lambda picture: max(picture.size))
    try:
        return _opened(file, edge)
    except exif.BROKEN as problem:
        embedded = next(_embedded(file, edge), None)
        if embedded is None:
            raise NotDrawableError(f"{type(problem).__name__}: {problem}") from problem
        return embedded


def _opened(file: BinaryIO, edge: int) -> Image.Image:
    file.seek(0)
    with Image.open(file, formats=FORMATS) as picture:
        return _plain(picture, edge)


def _main_and_embedded(file: BinaryIO, edge: int) -> list[Image.Image]:
    """Draw a TIFF; where it is a RAW file with a thumbnail in front, its JPEG as well."""
    try:
        main = [_opened(file, edge)]
    except exif.BROKEN as problem:
        embedded = list(_embedded(file, edge))
        if not embedded:
            raise NotDrawableError(f"{type(problem).__name__}: {problem}") from problem
        return embedded
    return main if max(main[0].size) >= edge else [*main, *_embedded(file, edge)]


def _embedded(file: BinaryIO, edge: int) -> Iterator[Image.Image]:
    """Find the JPEG that a camera put into its RAW file: the largest near the start."""
    file.seek(0)
    head = file.read(EMBEDDED_WITHIN)
    sizes: list[tuple[int, int]] = []
    at = head.find(JPEG_START)
    while at >= 0 and len(sizes) < EMBEDDED_MOST:
        try:
            with Image.open(io.BytesIO(head[at:]), formats=("JPEG",)) as picture:
                sizes.append((max(picture.size), at))
        except exif.BROKEN:
            pass  # bytes that only look like a JPEG
        at = head.find(JPEG_START, at + 1)
    for _, start in sorted(sizes, reverse=True)[:2]:
        try:
            with Image.open(io.BytesIO(head[start:]), formats=("JPEG",)) as picture:
                has_own = ExifTags.Base.Orientation in picture.getexif()
                drawn = _plain(picture, edge)
            yield drawn if has_own else _turned(drawn, _orientation(head))
        except exif.BROKEN:
            continue  # a lossless JPEG, which holds the sensor's data


def _orientation(head: bytes) -> int:
    for blob in scan.exif_blobs(head[: scan.HEAD_BYTES]):
        try:
            value = exif.load(blob).get(ExifTags.Base.Orientation)
        except exif.BROKEN:
            continue
        if isinstance(value, int):
            return value
    return 1


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    picture.info["exif"] = tags.tobytes()
    return ImageOps.exif_transpose(picture)


def _poster(file: BinaryIO, media: MediaType) -> Image.Image:
    """Decode one frame, a second into a video."""
    import av  # here, because it costs 150 ms and 60 MB that only videos need

    av.logging.set_level(None)
    file.seek(0)
    options = {"protocol_whitelist": "none"}
    try:
        with av.open(file, "r", format=DEMUXERS[media], options=options) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            length = (container.duration or 0) / av.time_base
            for moment in (min(POSTER_AT, length / 2), 0.0):  # some cannot be sought in
                with suppress(av.FFmpegError, StopIteration):
                    container.seek(int(moment * av.time_base))
                    frame = next(container.decode(stream))
                    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # of av
                    return picture.rotate(frame.rotation, expand=True)
    except (av.FFmpegError, IndexError) as problem:
        raise NotDrawableError(f"{type(problem).__name__}: {problem}") from problem
    raise NotDrawableError("no frame can be decoded")


def _plain(picture: Image.Image, edge: int) -> Image.Image:
    """Make an image small, upright and sRGB, without any metadata."""
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    small = _srgb(ImageOps.exif_transpose(picture))
    small.info = {}
    return small


def _srgb(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    plain = _simple_mode(picture)
    if not isinstance(profile, bytes) or plain.mode != "RGB" or picture.mode == "CMYK":
        return plain
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        moved = ImageCms.profileToProfile(plain, source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):
        return plain  # a broken profile: the colours as they stand
    return moved or plain


def _simple_mode(picture: Image.Image) -> Image.Image:
    if picture.mode in {"I", "I;16", "I;16B", "I;16L"}:
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = picture.mode in {"RGBA", "LA", "PA", "La", "RGBa"}
    return picture.convert("RGBA" if has_alpha or "transparency" in picture.info else "RGB")


def _encoded(picture: Image.Image, edge: int) -> bytes:
    small = picture.copy()
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    small.save(target, "WEBP", quality=QUALITY)
    return target.getvalue()
