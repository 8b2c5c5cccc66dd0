"""Use case of a new encryption key: what an older one has locked is locked anew, while everything runs."""

import logging
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.contracts.errors import Misconfigured
from hub.database import organization_of
from hub.integrations.models import Integration
from hub.integrations.vault import Vault

log = logging.getLogger(__name__)

_MOST = 100
_IS_OLD = text(
    "EXISTS (SELECT FROM (SELECT * FROM jsonb_each_text(secrets) UNION ALL SELECT * FROM jsonb_each_text("
    "previous_secrets)) AS each WHERE NOT starts_with(each.value, :key_id)) AND id > :after"
)


def relock(session: Session, vault: Vault) -> bool:
    """Locks with the newest key what another has locked, in this organization. False: time alone brings more."""
    after = UUID(int=0)
    while True:
        found = session.scalars(
            select(Integration)
            .where(Integration.organization_id == organization_of(session), _IS_OLD)
            .order_by(Integration.id)
            .limit(_MOST)
            .with_for_update(skip_locked=True),
            {"key_id": f"{vault.key_id}.", "after": after},
        ).all()
        if not found:
            return False
        for integration in found:
            _relock(integration, vault)
        session.flush()
        after = found[-1].id


def _relock(integration: Integration, vault: Vault) -> None:
    place = (integration.organization_id, integration.id)
    try:
        for name in ("secrets", "previous_secrets"):
            opened = {each: vault.unlock(locked, *place, each) for each, locked in getattr(integration, name).items()}
            setattr(integration, name, {each: vault.lock(secret, *place, each) for each, secret in opened.items()})
    except Misconfigured as error:
        log.warning("integration %s keeps its old key: %s", integration.id, error)
