"""Waking the worker that sends mail."""

from typing import cast

from flask import current_app

from hub.outbox import Waker


def wake() -> None:
    """A worker looks for mail now instead of in a second or two; call it after the commit."""
    cast(Waker, current_app.extensions["overwatch.waker"]).wake(["notify"])
