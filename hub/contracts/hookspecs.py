"""The hooks a plugin may implement, in order of life. Specs only ever gain arguments."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pluggy

from hub.contracts.connector import Connector, Http
from hub.contracts.extensions import Enricher

GROUP = "overwatch.plugins"

_Function = TypeVar("_Function", bound=Callable[..., Any])

hookspec = cast(Callable[[_Function], _Function], pluggy.HookspecMarker("overwatch"))
hookimpl = cast(Callable[[_Function], _Function], pluggy.HookimplMarker("overwatch"))


@hookspec
def overwatch_connectors() -> list[Connector]:  # type: ignore[empty-body]  # a spec has no body
    """Called once when the plugin loads: the connectors it brings. Two connectors with one name: both are refused."""


@hookspec
def overwatch_notifiers() -> list[Connector]:  # type: ignore[empty-body]
    """Called once when the plugin loads: connectors that only notify."""


@hookspec
def overwatch_embedders() -> list[Connector]:  # type: ignore[empty-body]
    """Called once when the plugin loads: connectors to embedding models. OVERWATCH_EMBEDDER names one."""


@hookspec
def overwatch_drafters() -> list[Connector]:  # type: ignore[empty-body]
    """Called once when the plugin loads: connectors that only draft procedures where none fits an incident."""


@hookspec
def overwatch_enrichers() -> list[Enricher]:  # type: ignore[empty-body]
    """Called once when the plugin loads: objects that add labels to events before they are folded into alerts."""


@hookspec
def overwatch_incident_opened(incident: Mapping[str, Any], http: Http) -> None:
    """Broadcast after the incident's opening is committed; every implementation runs, each guarded on its own.

    At least once, as the incident is then; what an implementation raises is logged, and it is not called again for it.
    """


@hookspec
def overwatch_incident_changed(incident: Mapping[str, Any], change: Mapping[str, Any], http: Http) -> None:
    """Broadcast after a change is committed; `change` maps each field (status, severity) to its new value."""


@hookspec
def overwatch_incident_resolved(incident: Mapping[str, Any], http: Http) -> None:
    """Broadcast after the resolution is committed, and after its `overwatch_incident_changed`."""
