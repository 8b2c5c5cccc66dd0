"""Use cases of a new encryption key: what an older one has locked is locked anew; which keys are needed."""

import logging
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.contracts.errors import Misconfigured
from hub.database import Database, organization_of
from hub.integrations.models import Integration
from hub.integrations.vault import Vault, id_of

log = logging.getLogger(__name__)

_MOST = 100
_IS_OLD = text(
    "EXISTS (SELECT FROM (SELECT * FROM jsonb_each_text(secrets) UNION ALL SELECT * FROM jsonb_each_text("
    "previous_secrets)) AS each WHERE NOT starts_with(each.value, :key_id)) AND id > :after"
)
_KEY_IDS = text(
    "SELECT DISTINCT split_part(each.value, '.', 1) FROM integrations i, LATERAL (SELECT * FROM jsonb_each_text("
    "i.secrets) UNION ALL SELECT * FROM jsonb_each_text(i.previous_secrets)) AS each"
    " WHERE i.organization_id = :organization_id"
)


def keys_used(database: Database, keys: Sequence[str]) -> set[str]:
    """Those of the keys with which a secret of any integration is locked, deleted ones too."""
    with database.transaction() as session:
        organization_ids = list(session.scalars(text("SELECT organization_ids()")))
    key_ids: set[str] = set()
    for organization_id in organization_ids:
        with database.transaction(organization_id) as session:
            key_ids |= set(session.scalars(_KEY_IDS, {"organization_id": organization_id}))
    return {key for key in keys if id_of(key) in key_ids}


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
