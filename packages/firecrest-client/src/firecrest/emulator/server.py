"""The web application: parses a request into a `Call`, and an `Answer` into a response."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from firecrest.emulator import (
    compute,
    contents,
    reservations,
    status,
    storage,
    tasks,
    utilities,
)
from firecrest.emulator.call import Answer, Call, Handler, Upload
from firecrest.emulator.faults import Fault
from firecrest.emulator.refusal import TIMED_OUT, Refusal, from_command
from firecrest.emulator.site import Site

_ROUTES = (
    *status.ROUTES,
    *utilities.ROUTES,
    *contents.ROUTES,
    *compute.ROUTES,
    *storage.ROUTES,
    *tasks.ROUTES,
    *reservations.ROUTES,
)
_Endpoint = Callable[[Request], Awaitable[Response]]


def application(site: Site) -> Starlette:
    """Return the whole site as an ASGI application."""
    routes = [
        Route(path, _endpoint(site, handler), methods=[method]) for method, path, handler in _ROUTES
    ]
    routes += [
        Route("/auth/token", _token_endpoint(site), methods=["POST"]),
        Route("/staging/{bucket}", _form_endpoint(site), methods=["POST"]),
        Route("/staging/{bucket}/{key:path}", _link_endpoint(site), methods=["GET"]),
        Route("/emulator/faults", _fault_endpoint(site), methods=["POST"]),
    ]
    handlers = {Refusal: _refused, ClientDisconnect: _left, 404: _missing}
    return Starlette(routes=routes, exception_handlers=handlers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - it is registered for this type alone
    return JSONResponse(dict(error.body), error.status, dict(error.headers))


async def _left(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


async def _missing(_: Request, __: Exception) -> Response:
    return JSONResponse({"message": "no Route matched with those values"}, 404)


def _endpoint(site: Site, handler: Handler) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        fault = site.faults.take(request.url.path)
        if fault is not None and fault.kind != "cut":
            raise _injected(fault, request.url.path)
        user = site.tokens.user(request.headers.get("authorization", ""))
        async with request.form() as form:
            call = _call(site, user, request, form)
            answer = await run_in_threadpool(handler, call)
        response = _response(answer)
        return _Cut(response) if fault is not None else response

    return endpoint


def _injected(fault: Fault, path: str) -> Refusal:
    if fault.kind == "timeout":
        return from_command(path.rpartition("/")[2], TIMED_OUT)
    if fault.kind == "expired":
        return Refusal(401, {"exp": "token expired"})
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    text = "API rate limit exceeded" if fault.kind == "429" else "Service Temporarily Unavailable"
    return Refusal(int(fault.kind), {"message": text}, headers)


def _call(site: Site, user: str, request: Request, form: FormData) -> Call:
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return Call(
        site=site,
        user=user,
        machine=request.headers.get("x-machine-name", ""),
        path=dict(request.path_params),
        query=dict(request.query_params),
        form=fields,
        file=_upload(form),
        headers=dict(request.headers),
    )


def _upload(form: FormData) -> Upload | None:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        return None
    return Upload(file.filename or "file", file.size or 0, file.file)


def _response(answer: Answer) -> Response:
    headers = dict(answer.headers)
    if isinstance(answer.body, Path):
        return FileResponse(answer.body, answer.status, headers, "application/octet-stream")
    if answer.body is None:
        return Response(None, answer.status, headers, "application/json")
    # The real server ends its JSON with a newline.
    content = json.dumps(answer.body, separators=(",", ":")) + "\n"
    return Response(content, answer.status, headers, "application/json")


class _Cut(Response):
    """Sends the start of another response's body, then closes the connection."""

    def __init__(self, whole: Response) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def half(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                await send({**message, "body": body[: len(body) // 2], "more_body": True})
                raise _ConnectionCut
            await send(message)

        try:
            await self._whole(scope, receive, half)
        except _ConnectionCut:
            # The server closes a connection whose response was left unfinished.
            await asyncio.sleep(0)


class _ConnectionCut(Exception):
    pass


def _token_endpoint(site: Site) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        async with request.form() as form:
            fields = {name: str(value) for name, value in form.items()}
        return JSONResponse(site.tokens.grant(fields, request.headers.get("authorization", "")))

    return endpoint


def _form_endpoint(site: Site) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        bucket = request.path_params["bucket"]
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            file = _upload(form)
            if file is None:
                return Response("MissingFile", 400)
            kept = await run_in_threadpool(site.built_in.receive, bucket, fields, file)
        return Response(None, 204) if kept else Response("AccessDenied", 403)

    return endpoint


def _link_endpoint(site: Site) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        path = site.built_in.serve(
            request.path_params["bucket"],
            request.path_params["key"],
            host=request.headers.get("host", ""),
            query=dict(request.query_params),
        )
        if path is None:
            return Response("AccessDenied", 403)
        return FileResponse(path, media_type="application/octet-stream")

    return endpoint


def _fault_endpoint(site: Site) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            site.faults.add(Fault(**await request.json()))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return Response(None, 204)

    return endpoint
