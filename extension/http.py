"""Puts the API's routes and the page's files into a starlette or FastAPI app, of whatever age: 0.26 to the newest."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .api.calls import Answer, Call, Download, Reply, Route, Stream
from .api.table import OWN, WD14
from .errors import BROKEN, MISSING, TOO_LARGE, Refused
from .guard import UNAUTHORIZED, asks_for_login, check_caller, check_name
from .languages.translate import translate
from .transfer.zip_stream import zip_stream
from .trouble import sentence_of
from .workbench import Workbench

PAGE = Path(__file__).parent / "page"
PAGE_PATH = "/lora_workbench/page"
_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
}
_SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
CHALLENGE = 'Basic realm="LoRA Workbench", charset="UTF-8"'
_LOOK, _BEAT = 1.0, 15
_LOG = logging.getLogger("lora_workbench")


def mount(app: Any, workbench: Workbench, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Adds the routes before the app's own, once an app. `is_stopping` ends streams, for which a server would wait for ever."""
    if getattr(app.state, "lora_workbench", False):
        return
    app.state.lora_workbench = True
    app.router.routes[:0] = routes(workbench, is_stopping)


def routes(workbench: Workbench, is_stopping: Callable[[], bool]) -> list[Any]:
    """starlette's routes for the API, the page's files, and wd14-tagger's where that extension isn't there to serve them."""
    from starlette.routing import Route as StarletteRoute

    table = OWN if workbench.host.has_wd14_tagger() else (*OWN, *WD14)
    made = [StarletteRoute(one.path, _endpoint(one, workbench, is_stopping), methods=[one.method]) for one in table]
    return [*made, StarletteRoute(f"{PAGE_PATH}/{{name:path}}", _page_endpoint(workbench), methods=["GET"])]


def _endpoint(route: Route, workbench: Workbench, is_stopping: Callable[[], bool]) -> Callable[[Any], Any]:
    async def endpoint(request: Any) -> Any:
        from starlette.concurrency import run_in_threadpool

        language = "en"
        try:
            headers = {name.lower(): value for name, value in request.headers.items()}
            check_caller(route, headers, request.cookies, request.app, workbench.host, address_of(request))
            content = await _content(request, route.largest) if route.method == "POST" else b""
            body = {} if route.raw else _body(content)
            language = await run_in_threadpool(workbench.language, headers.get("accept-language", ""))
            known = headers.get("if-none-match", "").strip('"')
            call = Call(
                workbench, request.path_params, dict(request.query_params), body, language, known, content if route.raw else b""
            )
            answer = await run_in_threadpool(route.handle, call)
        except Exception as error:  # noqa: BLE001  the last place that can turn it into a sentence; the log has all of it
            return _refusal(error, language, asks=not asks_for_login(request.app))
        if isinstance(answer, Stream):
            return EventStream(answer.look, is_stopping)
        if isinstance(answer, Download):
            return _download(answer)
        return _response(answer, call)

    endpoint.__name__ = route.handle.__name__
    return endpoint


def address_of(request: Any) -> str:
    """Whose request it is, by the address that it came from or that a proxy on this machine names."""
    return str(request.client.host) if request.client else ""


async def _content(request: Any, largest: int) -> bytes:
    """A request's body; Refused where it is too large."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > largest:
            raise Refused(f"The request is larger than {largest >> 20} MB.", TOO_LARGE)
    return bytes(content)


def _body(content: bytes) -> dict[str, Any]:
    """The JSON object of a request's body; Refused where it is none."""
    if not content:
        return {}
    try:
        body = json.loads(content, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # half a letter could never be written into a file
    except (ValueError, RecursionError):
        raise Refused("The request's body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused("The request's body must be a JSON object.")
    return body


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _response(answer: Answer, call: Call) -> Any:
    from starlette.responses import FileResponse, JSONResponse, Response

    if not isinstance(answer, Reply):
        return JSONResponse(answer, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    headers = {**_SAFE, "Cache-Control": "private, max-age=60" if answer.mark else "no-store"}
    if answer.mark:
        headers["ETag"] = f'"{answer.mark}"'
        if call.known == answer.mark:
            return Response(status_code=304, headers=headers)
    if isinstance(answer.content, Path):
        return FileResponse(answer.content, media_type=answer.kind, headers=headers)
    return Response(answer.content, media_type=answer.kind, headers=headers)


def _download(answer: Download) -> Any:
    """A file to be saved, under its name. webui's GZipMiddleware would pack gigabytes that don't shrink: it is told not to."""
    from starlette.responses import FileResponse, StreamingResponse

    words = f"attachment; filename*=UTF-8''{quote(answer.name, safe='')}"
    headers = {**_SAFE, "Cache-Control": "no-store", "Content-Encoding": "identity", "Content-Disposition": words}
    if answer.path is not None:
        return FileResponse(answer.path, media_type="application/octet-stream", headers=headers)
    return StreamingResponse(zip_stream(answer.files), media_type="application/zip", headers=headers)


def _refusal(error: Exception, language: str, *, asks: bool = True) -> Any:
    """`asks`: the browser may ask for name and password; not beside a login page, whose passwords it would not take."""
    from starlette.responses import JSONResponse

    status, sentence = sentence_of(error)
    if status == BROKEN and not isinstance(error, Refused):
        _LOG.error("LoRA Workbench: %s", sentence, exc_info=error)
    headers = {"Cache-Control": "no-store"}
    if status == UNAUTHORIZED and asks:
        headers["WWW-Authenticate"] = CHALLENGE
    return JSONResponse({"error": translate(sentence, language)}, status_code=status, headers=headers)


def _page_endpoint(workbench: Workbench) -> Callable[[Any], Any]:
    async def page_file(request: Any) -> Any:
        from starlette.responses import FileResponse, Response

        try:
            check_name(request.headers.get("host", ""), workbench.host)
            path = page_file_of(request.path_params["name"])
        except Refused as error:
            return _refusal(error, "en")
        stat = path.stat()
        mark = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        headers = {"Cache-Control": "no-cache", "ETag": mark, "X-Content-Type-Options": "nosniff"}
        if request.headers.get("if-none-match") == mark:
            return Response(status_code=304, headers=headers)
        return FileResponse(path, media_type=_KINDS[path.suffix], headers=headers)

    return page_file


def page_file_of(name: str) -> Path:
    """A file of the page by its name; Refused for everything else."""
    path = PAGE / name
    is_plain = (
        "\0" not in name and "\\" not in name and ":" not in name and ".." not in path.parts and path.is_relative_to(PAGE)
    )
    if not is_plain or path.suffix not in _KINDS or not path.is_file():
        raise Refused("The page has no such file.", MISSING)
    return path


class EventStream:
    """Server-sent events: what `look` gives whenever it has changed. Ends when the client leaves or the server stops."""

    def __init__(self, look: Callable[[], dict[str, Any]], is_stopping: Callable[[], bool]) -> None:
        self._look, self._is_stopping = look, is_stopping

    async def __call__(self, scope: Mapping[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            (b"content-encoding", b"identity"),  # webui's GZipMiddleware would keep events back until there are many
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await self._tell(send, gone)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:  # the client left while something was sent
            return
        finally:
            gone.cancel()

    async def _tell(self, send: Callable[[Any], Any], gone: asyncio.Future[None]) -> None:
        from starlette.concurrency import run_in_threadpool

        last, silent = "", 0
        while not gone.done() and not self._is_stopping():
            text = json.dumps(await run_in_threadpool(self._look), ensure_ascii=False)
            silent += 1
            if text != last or silent >= _BEAT:  # now and then a comment, by which a client that is gone is noticed
                words = f"data: {text}\n\n" if text != last else ": still here\n\n"
                await send({"type": "http.response.body", "body": words.encode("utf-8", "replace"), "more_body": True})
                last, silent = text, 0
            await asyncio.wait([gone], timeout=_LOOK)


async def _gone(receive: Callable[[], Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
