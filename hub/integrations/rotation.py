"""Use case of rotation: a new webhook token, or a new signing secret, while the old one is good for a while longer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.contracts.connector import Connector
from hub.contracts.errors import Invalid
from hub.database import now
from hub.integrations import rules, service
from hub.integrations.models import Integration
from hub.integrations.vault import Vault


@dataclass(frozen=True, slots=True)
class Rotated:
    """The integration with its new token, told this once, and the new signing secret when the platform signs."""

    integration: Integration
    token: str
    secret: str | None


def rotate(
    session: Session,
    connectors: Mapping[str, Connector],
    vault: Vault,
    integration_id: UUID,
    *,
    grace_seconds: int,
    secret: str | None = None,
) -> Rotated:
    """Old proofs hold for `grace_seconds` more; those before them end at once.

    `secret` is the new signing secret, for platforms that make it themselves; without one the hub makes it. Raises
    Invalid for a secret where none is used, or one that the platform would refuse.
    """
    integration = service.get(session, integration_id)
    connector = service.connector_of(connectors, integration.platform)
    field = connector.signing_secret
    if secret is not None and (field is None or not integration.is_signed):
        raise Invalid({"secret": ["This integration has no signing secret; its token is rotated."]})
    token = _new_token(session, integration, grace_seconds)
    integration.previous_secrets = {}
    told = None
    if field is not None and integration.is_signed:
        told = secret or rules.new_token()
        _refuse_unfit(connector, field, told)
        place = (integration.organization_id, integration.id, field)
        integration.previous_secrets = {field: integration.secrets[field]}
        integration.secrets = {**integration.secrets, field: vault.lock(told, *place)}
    audit.note(session, "integrations:rotate", integration.id, grace_seconds=grace_seconds)
    session.flush()
    session.refresh(integration)
    return Rotated(integration, token, told)


def rotate_token(session: Session, integration: Integration, *, grace_seconds: int) -> Rotated:
    """A new token only; the signing secret stays."""
    token = _new_token(session, integration, grace_seconds)
    session.flush()
    session.refresh(integration)
    return Rotated(integration, token, None)


def _new_token(session: Session, integration: Integration, grace_seconds: int) -> str:
    token = rules.new_token()
    integration.previous_token_hash, integration.token_hash = integration.token_hash, rules.hash_token(token)
    integration.previous_until = now(session) + timedelta(seconds=grace_seconds)
    return token


def _refuse_unfit(connector: Connector, field: str, secret: str) -> None:
    rule = {"type": "object", "properties": {field: connector.config_schema["properties"][field]}}
    problems = rules.problems({field: secret}, rule)
    if problems:
        raise Invalid({"secret": [message for messages in problems.values() for message in messages]})
