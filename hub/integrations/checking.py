"""Use case of testing: does the connector's own check pass with the stored config?"""

import logging
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from hub.contracts.connector import CheckResult, Connector, Http
from hub.contracts.errors import OverwatchError
from hub.integrations import rules, service
from hub.integrations.vault import Vault

log = logging.getLogger(__name__)


def check(
    session: Session, connectors: Mapping[str, Connector], vault: Vault, integration_id: UUID, http: Http
) -> CheckResult:
    """What the connector says; whatever it raises is a result too. Raises NotFound, or Invalid when it is gone."""
    integration = service.get(session, integration_id)
    connector = service.connector_of(connectors, integration.platform)
    try:
        config = service.config_of(integration, vault)
        if problems := rules.problems(config, connector.config_schema):
            return CheckResult(ok=False, detail=f"The config is refused: {', '.join(sorted(problems))}.")
        return connector.check(config, http)
    except OverwatchError as error:
        return CheckResult(ok=False, detail=str(error))
    except Exception as error:  # a connector's bug is its own; the message may hold a secret, so only its kind is told
        log.exception("the check of connector %s failed", integration.platform)
        return CheckResult(ok=False, detail=f"The connector failed: {type(error).__name__}.")
