"""Use cases of integrations: create, find, change, delete."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.contracts.connector import Connector
from hub.contracts.errors import Invalid, NotFound
from hub.database import new_id, now, organization_of
from hub.integrations import rules
from hub.integrations.models import Integration
from hub.integrations.vault import Vault
from hub.listing import Listing, Page, among, containing, created

LISTING = Listing(
    Integration,
    sorts={
        "created_at": Integration.created_at,
        "updated_at": Integration.updated_at,
        "name": Integration.name,
        "platform": Integration.platform,
    },
    filters={
        "platform": among(Integration.platform),
        "enabled": Integration.enabled.is_,
        "q": containing(Integration.name, Integration.platform),
        **created(Integration),
    },
)

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Created:
    """A new integration and its webhook token, which is told this once."""

    integration: Integration
    token: str


def create(
    session: Session,
    connectors: Mapping[str, Connector],
    vault: Vault,
    *,
    platform: str,
    name: str,
    config: Mapping[str, Any],
    enabled: bool = True,
    events: list[str] | None = None,
) -> Created:
    """Raises Invalid for an unknown platform or a config that breaks the connector's schema, naming the field."""
    connector = connectors.get(platform)
    if connector is None:
        raise Invalid({"platform": [f"Unknown; installed are: {', '.join(sorted(connectors))}."]})
    problems = rules.problems(config, connector.config_schema)
    if problems:
        raise Invalid(problems)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    integration = Integration(
        organization_id=organization_of(session),
        id=new_id(),
        platform=platform,
        name=name,
        token_hash=rules.hash_token(token),
        enabled=enabled,
        events=events or [],
    )
    _set_config(integration, config, connector, vault)
    session.add(integration)
    session.flush()
    return Created(integration, token)


def get(session: Session, integration_id: UUID) -> Integration:
    """Raises NotFound, also for a foreign or deleted one."""
    found = session.get(Integration, (organization_of(session), integration_id))
    if found is None or found.deleted_at is not None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of the organization's integrations."""
    return LISTING.page(session, query, Integration.deleted_at.is_(None))


def delete(session: Session, integration_id: UUID) -> None:
    """Refuses its webhooks from the commit on; its alerts and deliveries stay."""
    get(session, integration_id).deleted_at = now(session)


def whole_config(
    config: Mapping[str, Any], locked: Mapping[str, str], vault: Vault, organization_id: UUID, integration_id: UUID
) -> dict[str, Any]:
    """The config as the connector wants it, secrets unlocked. Raises Misconfigured."""
    unlocked = {field: vault.unlock(text, organization_id, integration_id, field) for field, text in locked.items()}
    return {**config, **unlocked}


def shown_config(integration: Integration, vault: Vault) -> dict[str, Any]:
    """The config with each secret as dots and its last characters."""
    place = (integration.organization_id, integration.id)
    hints = {field: rules.redacted(vault.unlock(text, *place, field)) for field, text in integration.secrets.items()}
    return {**integration.config, **hints}


def _set_config(integration: Integration, config: Mapping[str, Any], connector: Connector, vault: Vault) -> None:
    secret = rules.secret_fields(connector.config_schema)
    whole = rules.with_defaults(config, connector.config_schema)
    integration.config = {field: value for field, value in whole.items() if field not in secret}
    integration.secrets = {
        field: vault.lock(str(value), integration.organization_id, integration.id, field)
        for field, value in whole.items()
        if field in secret and value
    }
    integration.is_signed = connector.signing_secret in integration.secrets
