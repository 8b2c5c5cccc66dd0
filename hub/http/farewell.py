"""A process that is about to go: it answers all that comes, and asks for a new connection each time.

Without that a sender may write into a connection that is being closed, and never learn what became of its request.
"""

import signal
from collections.abc import Iterable
from typing import Any

from flask import Flask


class Farewell:
    """A WSGI layer; SIGUSR1 begins the farewell."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._is_leaving = False
        signal.signal(signal.SIGUSR1, self._begin)

    def _begin(self, *_: object) -> None:
        self._is_leaving = True

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not self._is_leaving:
            answer: Iterable[bytes] = self._app(environ, start_response)
            return answer

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("Connection", "close")], *more)

        last: Iterable[bytes] = self._app(environ, start)
        return last


def install(app: Flask) -> None:
    """Puts the layer before everything else; only in a process of its own, because signals are a process's."""
    app.wsgi_app = Farewell(app.wsgi_app)  # type: ignore[method-assign]
