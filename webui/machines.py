"""What machines ask: is it well, how much is there, and how to put it on a home screen."""

from flask import Blueprint, Response, jsonify
from werkzeug.wrappers import Response as AnyResponse

from webui.assets import asset_url
from webui.site import library, words

blueprint = Blueprint("machines", __name__)


@blueprint.get("/healthz")
def health() -> AnyResponse:
    """200 while uploads can be taken, 503 with the reason when not."""
    fault = library().door.fault
    room = library().room.available()
    if fault is None and room == 0:
        fault = "the disk of the store is full"
    reply = jsonify({"status": "ok" if fault is None else "failing", "reason": fault, "room": room})
    reply.status_code = 200 if fault is None else 503
    reply.headers["Cache-Control"] = "no-store"
    return reply


@blueprint.get("/metrics")
def metrics() -> AnyResponse:
    """Numbers in the text form that Prometheus reads."""
    free = library().store.free()
    open_batches = [each for each in library().batches.recent(None, 1000) if each.closed is None]
    gauges = (
        ("daydrop_items", "Items in the library.", library().browse.total()),
        ("daydrop_undated_items", "Items without a date.", library().browse.undated_count()),
        ("daydrop_open_batches", "Batches that are not closed.", len(open_batches)),
        (
            "daydrop_pending_uploads",
            "Resumable uploads in progress.",
            len(library().uploads.pending()),
        ),
        ("daydrop_disk_free_bytes", "Bytes free on the disk of the store.", free.bytes),
        ("daydrop_up", "1 while uploads can be taken.", int(library().door.fault is None)),
    )
    lines = [
        f"# HELP {name} {what}\n# TYPE {name} gauge\n{name} {value}\n"
        for name, what, value in gauges
    ]
    return Response("".join(lines), content_type="text/plain; version=0.0.4; charset=utf-8")


@blueprint.get("/manifest.webmanifest")
def manifest() -> AnyResponse:
    """Return the page as an app: on a home screen, and as a target to share photos to."""
    reply = jsonify(
        {
            "name": "Daydrop",
            "short_name": "Daydrop",
            "description": words().text("app.what"),
            "start_url": "/",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#0f766e",
            "icons": [{"src": asset_url("logo.svg"), "sizes": "any", "type": "image/svg+xml"}],
            "share_target": {
                "action": "/upload",
                "method": "POST",
                "enctype": "multipart/form-data",
                "params": {"files": [{"name": "files", "accept": ["image/*", "video/*"]}]},
            },
        }
    )
    reply.content_type = "application/manifest+json"
    return reply


@blueprint.get("/favicon.ico")
def icon() -> AnyResponse:
    """Browsers ask for it by this name."""
    return Response(status=308, headers={"Location": asset_url("logo.svg")})


@blueprint.get("/robots.txt")
def robots() -> AnyResponse:
    """Return a private library is no matter for search engines."""
    return Response("User-agent: *\nDisallow: /\n", content_type="text/plain; charset=utf-8")
