"""What every process of the hub holds: settings, database, connectors, vault, plans, ways to workers and people."""

from collections.abc import Mapping
from dataclasses import dataclass

from celery import Celery

from hub.accounts.mail.transport import Mailer
from hub.accounts.organizations import plans
from hub.broker import make_celery
from hub.contracts.connector import Connector
from hub.database import Database
from hub.egress import Egress, networks
from hub.heartbeats.connector import HeartbeatWatch
from hub.integrations.vault import KeyFile, Keys, Vault
from hub.notifications.outbound.mailing import Email
from hub.outbox import Waker
from hub.plugin_manager import loading
from hub.plugin_manager.loading import Plugins
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once per process, after any fork."""

    settings: Settings
    database: Database
    plugins: Plugins
    connectors: Mapping[str, Connector]
    vault: Vault
    egress: Egress
    celery: Celery
    waker: Waker
    plans: plans.Plans
    mailer: Mailer


def assemble(settings: Settings) -> Runtime:
    """Puts the parts together; connects to nothing yet."""
    celery = make_celery(settings.broker_url)
    plugins = loading.load(settings.plugins, settings.plugins_dir, settings.data_dir)
    mailer = Mailer(settings.smtp_url, settings.mail_from, settings.data_dir / "outbox")
    own = (HeartbeatWatch(), Email(mailer, settings.api_address))
    return Runtime(
        settings=settings,
        database=Database(settings.database_url),
        plugins=plugins,
        connectors={**plugins.connectors, **{connector.name: connector for connector in own}},
        vault=Vault(_keys(settings)),
        egress=Egress(networks(settings.egress_allow)),
        celery=celery,
        waker=Waker(celery),
        plans=plans.read(settings.plans),
        mailer=mailer,
    )


def _keys(settings: Settings) -> Keys:
    given = (settings.secrets.encryption_key, *settings.old_encryption_keys)
    if settings.has_own_encryption_key or not settings.secrets_file.exists():
        return lambda: given
    return KeyFile(settings.secrets_file)
