"""What the pages share: the library, the visitor's words, and how a page is rendered."""

from collections.abc import Iterator
from typing import cast
from urllib.parse import urlsplit

from flask import Response, current_app, g, render_template, request

from daydrop.intake.body import announced_length, blocks
from daydrop.library import Library
from webui.errors import problem
from webui.language import Words, chosen_language, words_of

LIBRARY = "daydrop.library"


def library() -> Library:
    """Return the library that this site shows."""
    return cast("Library", current_app.extensions[LIBRARY])


def words() -> Words:
    """Return the words in the language of the visitor."""
    if "words" not in g:
        g.words = words_of(chosen_language(request))
    return cast("Words", g.words)


def page(template: str, **values: object) -> str:
    """Return a page in the visitor's language."""
    return render_template(template, **values)


def failure(status: int, code: str, text: str) -> Response:
    """Return what went wrong: as a page for people, as problem+json for programs."""
    is_form = request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data")
    if not wants_page() or (request.path.startswith("/api/") and not is_form):
        return problem(status, code, text)
    return Response(page("error.html", status=status, title=text, detail=""), status)


def wants_page() -> bool:
    """Return whether a browser asks; `curl` and scripts say `*/*` or nothing."""
    return "text/html" in request.headers.get("Accept", "")


def wants_json() -> bool:
    """Return whether JSON was asked for."""
    return request.accept_mimetypes.best == "application/json"


def is_local() -> bool:
    """Return whether the visitor uses an address that means each machine itself."""
    return urlsplit(root_url()).hostname in ("127.0.0.1", "localhost", "::1")


def root_url() -> str:
    """Return the address of this server as the visitor reaches it, with a slash at its end."""
    public = library().settings.server.public_url
    return f"{(public or f'{request.scheme}://{request.host}').rstrip('/')}/"


def body_length() -> int | None:
    """Return the length that the request announces for its body; None where it does not."""
    return announced_length(request.environ.get("CONTENT_LENGTH"))


def body_blocks() -> Iterator[memoryview]:
    """Yield the body of the request as it arrives. Raises BodyCut and BodyStalled."""
    return blocks(request.environ["wsgi.input"], body_length())
