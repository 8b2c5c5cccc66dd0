"""What every process of the hub holds: settings, database, connectors, vault, plans, ways to workers and people."""

from collections.abc import Mapping
from dataclasses import dataclass

from celery import Celery

from hub import plugin_manager
from hub.accounts.mail.transport import Mailer
from hub.accounts.organizations import plans
from hub.broker import make_celery
from hub.contracts.connector import Connector
from hub.database import Database
from hub.heartbeats.connector import PLATFORM, HeartbeatWatch
from hub.integrations.vault import Vault
from hub.outbox import Waker
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
    plans: plans.Plans
    mailer: Mailer


def assemble(settings: Settings) -> Runtime:
    """Puts the parts together; connects to nothing yet."""
    celery = make_celery(settings.broker_url)
    return Runtime(
        settings=settings,
        database=Database(settings.database_url),
        connectors={PLATFORM: HeartbeatWatch(), **plugin_manager.load(settings.plugins).connectors},
        vault=Vault(settings.secrets.encryption_key),
        celery=celery,
        waker=Waker(celery),
        plans=plans.read(settings.plans),
        mailer=Mailer(settings.smtp_url, settings.mail_from, settings.data_dir / "outbox"),
    )
