"""The browser face: pages and the JSON API over one library, behind the gate."""

import secrets
from datetime import UTC, datetime
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from daydrop.errors import Code, Refused
from daydrop.intake.body import BodyCut, BodyStalled
from daydrop.library import Library
from daydrop.programs import short_name
from daydrop.words import Language
from webui import admin, api, assets, connect, gallery, items, machines, receipts, upload, zipped
from webui.errors import STATUS, problem, refusal_problem
from webui.language import COOKIE
from webui.replies import dress
from webui.site import LIBRARY, failure, page, wants_page, words
from webui.tiles import address
from webui.visitor import visitor

THEME = "theme"
THEMES = ("auto", "light", "dark")
_YEAR = 365 * 24 * 3600


def create_app(library: Library) -> Flask:
    """Return the WSGI application of the pages and of `/api/v1`; the gate must stand before it."""
    app = Flask(__name__, static_folder=None)
    app.extensions[LIBRARY] = library
    app.url_map.strict_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["wall"] = _utc
    app.jinja_env.filters["program"] = short_name
    app.jinja_env.filters["address"] = address
    for part in (
        assets,
        upload,
        gallery,
        items,
        receipts,
        zipped,
        connect,
        admin,
        machines,
        api,
    ):
        app.register_blueprint(part.blueprint)
    app.after_request(_finish)
    app.context_processor(_shared)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(BodyCut, _body_broken)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _fault)
    return app


def _shared() -> dict[str, object]:
    """Return what every template may use."""
    chosen = words()
    theme = _theme()
    return {
        "t": chosen.text,
        "words": chosen,
        "language": chosen.language.value,
        "languages": [(each.value, _NAMES[each]) for each in Language],
        "theme": theme,
        "themes": THEMES,
        "asset": assets.asset_url,
        "visitor": visitor(),
        "here": _here,
    }


_NAMES = {Language.EN: "English", Language.ZH_CN: "简体中文"}


def _here(**changes: str) -> str:
    """Return the address of this page with some of its query changed."""
    query = request.args.copy()
    for name, value in changes.items():
        query[name] = value
    return f"{request.path}?{urlencode(list(query.items(multi=True)))}"


def _theme() -> str:
    wish = request.args.get(THEME) or request.cookies.get(THEME)
    return wish if wish in THEMES else "auto"


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _finish(reply: Response) -> Response:
    """Remember a choice of language or theme, and complete the answer."""
    for name, wish in ((COOKIE, request.args.get("lang")), (THEME, request.args.get(THEME))):
        if wish in THEMES or wish in [each.value for each in Language]:
            reply.set_cookie(name, wish, max_age=_YEAR, samesite="Lax", httponly=True)
    if reply.mimetype == "text/html":
        reply.headers.setdefault("Cache-Control", "no-cache")
        reply.vary.update(("Accept-Language", "Cookie"))
    return dress(request, reply)


def _refused(refused: Refused) -> AnyResponse:
    if request.path.startswith("/api/") or not wants_page():
        return refusal_problem(refused, words().language)
    text = refused.sentence(words().language)
    return Response(
        page("error.html", status=STATUS[refused.code], title=text, detail=""),
        STATUS[refused.code],
    )


def _body_broken(broken: BodyCut) -> AnyResponse:
    """Answer a small request that did not come whole; uploads answer that themselves."""
    if isinstance(broken, BodyStalled):
        return problem(408, "stalled", words().text("error.408"))
    return problem(400, "cut_short", words().text("error.400"))


def _fault(failure: Exception) -> AnyResponse:
    """Answer a fault of ours with a reference; the log has it in full under the same one."""
    reference = secrets.token_hex(4)
    structlog.get_logger().error(
        "page failed", path=request.path, reference=reference, exc_info=failure
    )
    return _refused(Refused(Code.INTERNAL, reference=reference))


def _http_error(error: HTTPException) -> AnyResponse:
    """Return an error as a page for people, as problem+json for programs."""
    status = error.code or 500
    if 300 <= status < 400:  # noqa: PLR2004  redirects are not errors
        return redirect(error.get_response().headers["Location"], status)
    key = f"error.{status}" if f"error.{status}" in words() else "error.other"
    reply = failure(status, error.name.lower().replace(" ", "_"), words().text(key))
    for name in ("Allow", "Retry-After"):
        if name in (headers := error.get_response().headers):
            reply.headers[name] = headers[name]
    return reply
