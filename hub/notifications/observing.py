"""Plugins that watch incidents are told of each change, after its commit; each is guarded, so none silences another."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.contracts.connector import Http
from hub.database import organization_of
from hub.incidents.models import Incident
from hub.outbox import Handler

log = logging.getLogger(__name__)

LANE = "observe"  # a worker that has observers says so beside its lanes; the database leaves jobs only then

Observers = Sequence[tuple[str, Mapping[str, Callable[..., object]]]]

_OPENED, _CHANGED, _RESOLVED = (f"overwatch_incident_{change}" for change in ("opened", "changed", "resolved"))
# the job → the hooks that are called, and the fields whose new value they are told
_HOOKS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "incident.opened": ((_OPENED,), ()),
    "incident.acknowledged": ((_CHANGED,), ("status",)),
    "incident.severity_changed": ((_CHANGED,), ("severity",)),
    "incident.reopened": ((_CHANGED,), ("status",)),
    "incident.resolved": ((_CHANGED, _RESOLVED), ("status",)),
    "incident.closed": ((_CHANGED,), ("status",)),
}
_TOLD = ("title", "description", "severity", "status", "environment", "service", "services", "tags", "alert_count")
_STATUSES = {"acknowledged": "in_progress", "reopened": "active", "resolved": "resolved", "closed": "closed"}


def handlers(observers: Observers, http: Http) -> Mapping[str, Handler]:
    """What the notify lane does for each kind of change."""
    return {kind: partial(tell, observers, http, kind) for kind in _HOOKS}


def tell(observers: Observers, http: Http, kind: str, session: Session, incident_ids: Sequence[UUID]) -> None:
    """Tells every observer of these incidents, as they are now."""
    hooks, fields = _HOOKS[kind]
    for incident_id in incident_ids:
        incident = session.get(Incident, (organization_of(session), incident_id))
        if incident is None:
            continue
        facts = _facts(incident)
        change = {name: _STATUSES.get(kind.partition(".")[2], facts[name]) for name in fields}
        for hook in hooks:
            told = {"incident": facts, "http": http} | ({"change": change} if hook == _CHANGED else {})
            for plugin, found in observers:
                if hook in found:
                    _call(plugin, hook, found[hook], told)


def _call(plugin: str, hook: str, observer: Callable[..., object], told: Mapping[str, Any]) -> None:
    try:
        observer(**told)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # told by its type, for a message may hold a secret
        log.warning("%s of plugin %s failed: %s", hook, plugin, type(error).__name__)


def _facts(incident: Incident) -> dict[str, Any]:
    told = {name: getattr(incident, name) for name in _TOLD}
    return {
        **told,
        "id": f"inc_{incident.id.hex}",
        "organization_id": f"org_{incident.organization_id.hex}",
        "created_at": incident.created_at.isoformat(),
        "resolved_at": incident.resolved_at and incident.resolved_at.isoformat(),
    }
