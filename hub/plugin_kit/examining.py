"""What `overwatch plugins doctor` says: versions, what does not load, how each integration fares."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

from hub.contracts.connector import API_LEVEL
from hub.deliveries.health import Health, health_of
from hub.http.ids import to_public
from hub.integrations.models import Integration
from hub.plugin_kit.rehearsing import integrations_of
from hub.runtime import Runtime


def report(runtime: Runtime) -> Iterator[str]:
    """Line by line; a config is never told, and of a delivery its outcome only."""
    yield f"overwatch-hub {version('overwatch-hub')}, plugin API {API_LEVEL}, Python {platform.python_version()}"
    for name, connector in sorted(runtime.connectors.items()):
        place = "a child" if name in runtime.plugins.children else "the worker"
        yield f"{name} {connector.version} for API {connector.requires_api}, runs in {place}"
    for name, reason in sorted(runtime.plugins.unavailable.items()):
        yield f"{name} unavailable: {reason}"
    for session, integration in integrations_of(runtime.database):
        yield f"{to_public('int', integration.id)} {integration.platform} {integration.name!r}: " + ", ".join(
            _said(integration, health_of(session, integration.id))
        )


def _said(integration: Integration, health: Health) -> Iterator[str]:
    yield health.status
    yield f"{health.delivery_count} deliveries in 24 h, {health.dead_count} dead, {health.pending_count} pending"
    if health.last_delivery is not None and health.last_delivery.reason:
        yield f"last said: {health.last_delivery.reason[:200]}"
    if health.breaker.retry_at is not None:
        yield f"parked: {health.breaker.reason[:200]}"
    if health.poll and health.poll.problem:
        yield f"polling: {health.poll.problem[:200]}"
    if integration.notify_problem:
        yield f"told nothing more: {integration.notify_problem[:200]}"
