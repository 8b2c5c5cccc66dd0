"""Use cases of integrations: create, find, change, delete."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.contracts.connector import Connector
from hub.contracts.errors import Invalid, Misconfigured, NotFound
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
    config: Mapping[str, Any],
    **fields: Any,
) -> Created:
    """Raises Invalid for an unknown platform or a config that breaks the connector's schema, naming the field."""
    connector = connector_of(connectors, platform)
    if connector.directions == {"notify"}:  # it is for nothing else
        fields.setdefault("events", list(rules.EVENTS))
    token = rules.new_token()
    integration = Integration(
        organization_id=organization_of(session),
        id=new_id(),
        platform=platform,
        token_hash=rules.hash_token(token),
        **fields,
    )
    set_config(integration, config, connector, vault)
    session.add(integration)
    session.flush()
    audit.note(session, "integrations:create", integration.id, platform=platform, name=integration.name)
    return Created(integration, token)


def change(
    session: Session,
    connectors: Mapping[str, Connector],
    vault: Vault,
    integration_id: UUID,
    *,
    config: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Integration:
    """Changes the given fields, and of the config those that it names. Raises NotFound or Invalid naming the field."""
    integration = get(session, integration_id)
    changed = {name: value for name, value in fields.items() if getattr(integration, name) != value}
    for name, value in changed.items():
        setattr(integration, name, value)
    if config is not None:
        connector = connector_of(connectors, integration.platform)
        secret = rules.secret_fields(connector.config_schema)
        stored = config_of(integration, vault)
        set_config(integration, rules.changed_config(stored, config, secret), connector, vault)
    integration.notify_disabled_at, integration.notify_problem = None, ""  # somebody has looked at it
    audit.note(
        session, "integrations:update", integration.id, fields=sorted(fields | ({"config": 1} if config else {}))
    )
    session.flush()
    session.refresh(integration)
    return integration


def connector_of(connectors: Mapping[str, Connector], platform: str) -> Connector:
    """Raises Invalid for a platform that is not installed."""
    if platform not in connectors:
        raise Invalid({"platform": [f"Unknown; installed are: {', '.join(sorted(connectors))}."]})
    return connectors[platform]


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
    integration = get(session, integration_id)
    integration.deleted_at = now(session)
    audit.note(session, "integrations:delete", integration.id, platform=integration.platform, name=integration.name)


def whole_config(
    config: Mapping[str, Any], locked: Mapping[str, str], vault: Vault, organization_id: UUID, integration_id: UUID
) -> dict[str, Any]:
    """The config as the connector wants it, secrets unlocked. Raises Misconfigured."""
    unlocked = {field: vault.unlock(text, organization_id, integration_id, field) for field, text in locked.items()}
    return {**config, **unlocked}


def config_of(integration: Integration, vault: Vault) -> dict[str, Any]:
    """The stored config, secrets unlocked. Raises Misconfigured."""
    return whole_config(integration.config, integration.secrets, vault, integration.organization_id, integration.id)


def shown_config(integration: Integration, vault: Vault) -> dict[str, Any]:
    """The config with each secret as dots and its last characters; one that cannot be unlocked as dots."""
    return {**integration.config, **{name: _hint(integration, name, vault) for name in integration.secrets}}


def set_config(integration: Integration, config: Mapping[str, Any], connector: Connector, vault: Vault) -> None:
    """Stores the config, its secrets encrypted. Raises Invalid naming each field that the schema refuses."""
    secret = rules.secret_fields(connector.config_schema)
    problems = rules.hint_problems(config, secret) | rules.problems(config, connector.config_schema)
    if problems:
        raise Invalid(problems)
    whole = rules.with_defaults(config, connector.config_schema)
    integration.config = {field: value for field, value in whole.items() if field not in secret}
    integration.secrets = {
        field: vault.lock(str(value), integration.organization_id, integration.id, field)
        for field, value in whole.items()
        if field in secret and value
    }
    integration.is_signed = connector.signing_secret in integration.secrets


def _hint(integration: Integration, field: str, vault: Vault) -> str:
    try:
        secret = vault.unlock(integration.secrets[field], integration.organization_id, integration.id, field)
    except Misconfigured:
        return rules.redacted("")
    return rules.redacted(secret)
