"""Answer requests of every kind, by WSGI on Cheroot: ``answering.py PORT``.

Runs in the environment of ``requirements/sites.txt``.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

STATUSES = {
    "/304": "304 Not Modified",
    "/204": "204 No Content",
    "/404": "404 Not Found",
    "/500": "500 Internal Server Error",
}


def answer(asked: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """Refuse a body unread, or read it and answer as the path says."""
    path, method = asked["PATH_INFO"], asked["REQUEST_METHOD"]
    if path == "/refuse":
        start("403 Forbidden", [("Content-Length", "2")])
        return [b"no"]
    # Cheroot's stream ends with the body.
    while asked["wsgi.input"].read(65536):
        pass
    if path == "/pieces":
        start("200 OK", [])
        return iter([b"a" * 100, b"b" * 5000])
    body = b"" if path in {"/204", "/304"} else b"x" * 500
    usual = "201 Created" if method == "PUT" else "200 OK"
    start(STATUSES.get(path, usual), [("Content-Length", str(len(body)))])
    return [b"" if method == "HEAD" else body]


if __name__ == "__main__":
    # In an environment of its own.
    from cheroot.wsgi import Server  # type: ignore[import-not-found]

    Server(("127.0.0.1", int(sys.argv[1])), answer, numthreads=40).start()
