"""QR codes, drawn into the page."""

import io

import segno
from markupsafe import Markup


def qr_svg(text: str) -> Markup:
    """Return the text as an inline SVG."""
    target = io.BytesIO()
    segno.make(text, error="m").save(
        target,
        kind="svg",
        scale=4,
        border=2,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        svgclass="qr",
        lineclass=None,
        title=None,
    )
    return Markup(target.getvalue().decode())  # noqa: S704  segno draws paths only
