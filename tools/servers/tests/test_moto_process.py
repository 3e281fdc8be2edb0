"""What the S3 process adds to moto: requests are handled one at a time, once they are whole."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

from luisy_test_servers.moto_process import OneAtATime
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Request, Response


def test_requests_side_by_side_lose_no_increment():
    kept = [0]

    @Request.application
    def increment(request):
        found = kept[0]
        threading.Event().wait(0.001)  # lets the others in, if nothing keeps them out
        kept[0] = found + 1
        return Response()

    app = OneAtATime(increment)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run_wsgi_app(app, create_environ()), range(40)))
    assert kept == [40]


def test_slow_body_holds_up_no_other_request():
    class Slow(io.BytesIO):
        def readinto(self, buffer):
            other_answered.wait(60)
            return super().readinto(buffer)

    @Request.application
    def echo(request):
        return Response(request.get_data())

    def answer(environ):
        return b"".join(run_wsgi_app(app, environ)[0])

    other_answered = threading.Event()
    app = OneAtATime(echo)
    slow = create_environ(method="PUT", input_stream=Slow(b"slow"))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(answer, slow)
        assert answer(create_environ(method="PUT", data=b"quick")) == b"quick"
        assert not first.done()
        other_answered.set()
        assert first.result() == b"slow"


def test_body_cut_short_never_reaches_the_application():
    cut = create_environ(method="PUT", data=b"hal") | {"CONTENT_LENGTH": "4"}
    _, status, _ = run_wsgi_app(OneAtATime(never), cut)
    assert status.startswith("400")


def never(environ, start_response):
    raise AssertionError("half a body was handed on")
