"""Use case of installing: the platform's side is set up by its API, so that nobody has to copy an address."""

import logging
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.contracts.connector import Connector, Http
from hub.contracts.errors import Invalid, Misconfigured, OverwatchError
from hub.integrations import rotation, service
from hub.integrations.models import Integration
from hub.integrations.rotation import Rotated
from hub.integrations.vault import Vault

log = logging.getLogger(__name__)

_GRACE_SECONDS = 86_400


def begin(session: Session, connectors: Mapping[str, Connector], integration_id: UUID) -> Rotated:
    """A new token, because the present one is known to nobody but the sender. Raises Invalid where nothing installs."""
    integration = service.get(session, integration_id)
    connector = service.connector_of(connectors, integration.platform)
    if not connector.installs:
        raise Invalid({"platform": [f"{connector.title} is set up by hand; its setup_guide says how."]})
    audit.note(session, "integrations:install", integration.id)
    return rotation.rotate_token(session, integration, grace_seconds=_GRACE_SECONDS)


def finish(
    connectors: Mapping[str, Connector], vault: Vault, integration: Integration, webhook_url: str, http: Http
) -> None:
    """Raises Invalid or Unavailable with what the platform said; then the token must not be committed."""
    connector = service.connector_of(connectors, integration.platform)
    try:
        connector.install(service.config_of(integration, vault), webhook_url, http)
    except Misconfigured as error:
        raise Invalid({"config": [str(error)]}) from error
    except OverwatchError:
        raise
    except Exception as error:  # a connector's bug is its own; the message may hold a secret, so only its kind is told
        log.exception("the install of connector %s failed", integration.platform)
        raise Invalid({"platform": [f"The connector failed: {type(error).__name__}."]}) from error
