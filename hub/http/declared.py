"""What a view says about the bodies it takes, where it is not JSON; read by the front door before the view runs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Flask, request

_View = TypeVar("_View", bound=Callable[..., Any])


def takes_anything(
    limit_bytes: int, *, any_query: bool = False, described: Mapping[str, Any] | None = None
) -> Callable[[_View], _View]:
    """The view reads the raw bytes at `flask.g.body`, of any content type; `any_query`: and any query parameter.

    `described` is the JSON Schema of a body that must be there; without it the body may be missing.
    """

    def decorator(view: _View) -> _View:
        view.raw_limit_bytes = limit_bytes  # type: ignore[attr-defined]
        view.takes_any_query = any_query  # type: ignore[attr-defined]
        view.raw_schema = described  # type: ignore[attr-defined]
        return view

    return decorator


def takes_form(**names: str) -> Callable[[_View], _View]:
    """The view takes a form as well as JSON; `names` say which JSON field each form field is, e.g. username="email"."""

    def decorator(view: _View) -> _View:
        view.form_names = names  # type: ignore[attr-defined]
        return view

    return decorator


def raw_limit_bytes(app: Flask) -> int | None:
    """Of the view that this request is for."""
    return getattr(_view(app), "raw_limit_bytes", None)


def takes_any_query(app: Flask) -> bool:
    """Of the view that this request is for."""
    return bool(getattr(_view(app), "takes_any_query", False))


def form_names(app: Flask) -> Mapping[str, str]:
    """Of the view that this request is for; empty when it takes no form."""
    names: Mapping[str, str] = getattr(_view(app), "form_names", {})
    return names


def _view(app: Flask) -> Any:
    return app.view_functions.get(request.endpoint or "")
