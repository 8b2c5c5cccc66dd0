"""What every process of the hub holds: settings, database, connectors, vault, and the way to wake the workers."""

from collections.abc import Mapping
from dataclasses import dataclass

from celery import Celery

from hub import plugin_manager
from hub.contracts.connector import Connector
from hub.database import Database
from hub.integrations.vault import Vault
from hub.outbox import Waker, make_celery
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once per process, after any fork."""

    settings: Settings
    database: Database
    connectors: Mapping[str, Connector]
    vault: Vault
    celery: Celery
    waker: Waker


def assemble(settings: Settings, celery: Celery | None = None) -> Runtime:
    """Puts the parts together; connects to nothing yet."""
    celery = celery or make_celery(settings.broker_url)
    return Runtime(
        settings=settings,
        database=Database(settings.database_url),
        connectors=plugin_manager.load(settings.plugins).connectors,
        vault=Vault(settings.secrets.encryption_key),
        celery=celery,
        waker=Waker(celery),
    )
