"""What the page can ask the server for.

In:  requests that the guard let through
Out: JSON, JPEG files, the page's own files; one line of text where something cannot be done
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from colorize_cli.errors import ColorizeError, UsageError, one_line, printable
from colorize_cli.pages.shared import page_file
from colorize_cli.serve.photo_list import Entry
from colorize_cli.serve.session import Session
from colorize_cli.serve.uploads import TooLarge, receive

_MOST_BODY = 4 << 20  # bytes: 10,000 points take a fifth
_JPEG = "image/jpeg"
_SCRIPTS = ("shared", "ask", "edits", "stage", "gestures", "palette", "viewer", "keys", "overview")
_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    **{name: (name, "text/css; charset=utf-8") for name in ("shared.css", "serve.css")},
    **{f"{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in _SCRIPTS},
}
Handler = Callable[[Request], Awaitable[Response]]


class _Missing(UsageError):
    """What was asked for does not exist."""


class Routes:
    """The handlers of one session.

    Args:
        session: what they speak to.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def app(self) -> Starlette:
        """The application, without its guard."""
        photo, get, post = "/photos/{id:int}", ["GET"], ["POST"]
        table: list[tuple[str, list[str], Handler]] = [
            ("/about", get, self.about),
            ("/changes", get, self.changes),
            ("/rescan", post, self.rescan),
            ("/color-all", post, self.color_all),
            ("/stop", post, self.stop),
            ("/upload", post, self.upload),
            (photo, get, self.details),
            (photo + "/thumbnail", get, self.thumbnail),
            (photo + "/result", get, self.result),
            (photo + "/before", get, self.before),
            (photo + "/preview", post, self.preview),
            (photo + "/likely", get, self.likely),
            (photo + "/proposals", post, self.proposals),
            (photo + "/save", post, self.save),
            (photo + "/tiles/{look}/{level:int}/{column:int}/{row:int}", get, self.tile),
        ]
        routes = [Route(path, _answering(handler), methods=methods) for path, methods, handler in table]
        files = [Route(f"/{name}", _file(*said), methods=get) for name, said in _FILES.items()]
        return Starlette(routes=[*files, *routes])

    async def about(self, request: Request) -> Response:
        """The session, once."""
        return JSONResponse(self.session.about())

    async def changes(self, request: Request) -> Response:
        """What has changed since a change."""
        since = _number(request, "since", -1, -1, 1 << 53)
        return JSONResponse(await run_in_threadpool(self.session.changes, int(since)))

    async def rescan(self, request: Request) -> Response:
        """Look for new photos."""
        await run_in_threadpool(self.session.rescan)
        return JSONResponse({})

    async def color_all(self, request: Request) -> Response:
        """Color what is to do."""
        self.session.saving.start_all()
        return JSONResponse({})

    async def stop(self, request: Request) -> Response:
        """Stop coloring."""
        self.session.saving.stop_all()
        return JSONResponse({})

    async def upload(self, request: Request) -> Response:
        """Take a photo in."""
        options = self.session.options
        if not options.uploads:
            return PlainTextResponse("Uploads are off; colorize serve --upload takes them.\n", 403)
        said = request.headers.get("content-length", "0")
        if said.isdecimal() and int(said) > options.max_upload:
            raise TooLarge(f"a file is larger than {options.max_upload >> 20} MB", hint="Raise --max-upload.")
        name = request.query_params.get("name", "")
        path = await receive(options.photos, name, request.stream(), options.max_upload)
        await run_in_threadpool(self.session.rescan)
        return JSONResponse({"name": printable(path.name)})

    async def details(self, request: Request) -> Response:
        """Open a photo."""
        return JSONResponse(await run_in_threadpool(self.session.details, self._entry(request)))

    async def thumbnail(self, request: Request) -> Response:
        """A small copy of a photo, or of its result."""
        entry, after = self._entry(request), request.query_params.get("of") == "result"
        if not after:
            return _kept(await run_in_threadpool(self.session.thumbnail, entry))
        path = self.session.photos.result(entry)
        if path is None:
            raise _Missing("there is no result yet")
        return _kept(await run_in_threadpool(self.session.open.thumbnail, path))

    async def result(self, request: Request) -> Response:
        """The result's own file."""
        path = self.session.photos.result(self._entry(request))
        if path is None:
            raise _Missing("there is no result yet")
        return FileResponse(path, filename=printable(path.name))

    async def before(self, request: Request) -> Response:
        """The photo as it is."""
        entry, side = self._entry(request), _number(request, "side", 512, 64, 2048)
        found = await run_in_threadpool(lambda: self.session.opened(entry).before(int(side)))
        return Response(found, media_type=_JPEG)

    async def preview(self, request: Request) -> Response:
        """The photo as somebody wishes it."""
        entry, wish = self._entry(request), self.session.wish(await _body(request))
        found, look = await run_in_threadpool(lambda: self.session.opened(entry).preview(wish))
        return Response(found, media_type=_JPEG, headers={"x-look": look})

    async def likely(self, request: Request) -> Response:
        """The palette of a place."""
        entry, x, y = self._entry(request), _number(request, "x", 0.5, 0, 1), _number(request, "y", 0.5, 0, 1)
        colors = await run_in_threadpool(lambda: self.session.opened(entry).page.likely(x, y))
        said = [{"color": "#{:02x}{:02x}{:02x}".format(*color.rgb), "share": round(color.share, 4)} for color in colors]
        return JSONResponse(said)

    async def proposals(self, request: Request) -> Response:
        """Other colorings."""
        entry, wish = self._entry(request), self.session.wish(await _body(request))
        return JSONResponse(await run_in_threadpool(lambda: self.session.opened(entry).proposals(wish)))

    async def save(self, request: Request) -> Response:
        """Write hints and result."""
        entry, wish = self._entry(request), self.session.wish(await _body(request))
        outcome = await run_in_threadpool(self.session.save, entry, wish)
        name = printable(outcome.output.name) if outcome.output else ""
        return JSONResponse({"status": outcome.status.value, "name": name})

    async def tile(self, request: Request) -> Response:
        """A part of a photo at full resolution, or at a half, a quarter and so on of it."""
        entry, place = self._entry(request), request.path_params
        look, at = str(place["look"]), [int(place[name]) for name in ("level", "column", "row")]
        found = await run_in_threadpool(lambda: self.session.opened(entry).tile(look, *at))
        if found is None:
            raise _Missing("no such tile")
        return Response(found, media_type=_JPEG)

    def _entry(self, request: Request) -> Entry:
        entry = self.session.photos.get(request.path_params["id"])
        if entry is None:
            raise _Missing("no such photo")
        return entry


def _kept(picture: bytes) -> Response:
    """A JPEG file that the browser may keep for a while: its address changes with the photo's state."""
    return Response(picture, media_type=_JPEG, headers={"cache-control": "private, max-age=600"})


def _answering(handler: Handler) -> Handler:
    """Errors as one line each: one photo that cannot be done stops nothing."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ColorizeError as error:
            status = 413 if isinstance(error, TooLarge) else 404 if isinstance(error, _Missing) else 422
            status = 400 if status == 422 and isinstance(error, UsageError) else status
            return PlainTextResponse(one_line(error) + "\n", status)
        except OSError as error:
            return PlainTextResponse(one_line(error) + "\n", 500)
        except MemoryError:
            return PlainTextResponse("There is too little memory for this photo.\n", 500)
        except Exception as error:  # a bug of ours or of a decoder's: the server goes on, the page says it
            return PlainTextResponse(f"unexpected {type(error).__name__}: {one_line(error)}\n", 500)

    return answer


def _file(name: str, kind: str) -> Handler:
    async def send(request: Request) -> Response:
        return Response(_page_files(name), media_type=kind)

    return send


def _page_files(name: str) -> str:
    if name.startswith("shared."):
        return page_file(name)
    return (resources.files("colorize_cli.serve") / "page" / name).read_text("utf-8")


async def _body(request: Request) -> bytes:
    """A request's body; `TooLarge` where it is."""
    pieces, size = list[bytes](), 0
    stream: AsyncIterator[bytes] = request.stream()
    async for piece in stream:
        size += len(piece)
        if size > _MOST_BODY:
            raise TooLarge(f"the request is larger than {_MOST_BODY >> 20} MB")
        pieces.append(piece)
    return b"".join(pieces)


def _number(request: Request, name: str, default: float, least: float, most: float) -> float:
    said: Any = request.query_params.get(name, default)
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise UsageError(f"{name}: expected a number from {least:g} to {most:g}")
    return value
