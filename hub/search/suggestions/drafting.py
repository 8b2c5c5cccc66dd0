"""Drafts by a language model, where no procedure fits an incident and the organization has connected one."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hub import outbox
from hub.contracts.connector import Connector, Http, Trouble
from hub.contracts.errors import Misconfigured
from hub.database import organization_of
from hub.incidents import timeline
from hub.incidents.models import Incident
from hub.incidents.rules import OPEN
from hub.integrations import service as integrations
from hub.integrations.models import Integration
from hub.integrations.vault import Vault
from hub.procedures import markdown
from hub.procedures import service as procedures
from hub.search.suggestions import asking

log = logging.getLogger(__name__)

TAG = "drafted"

_LONGEST_TEXT = 8_000
_LONGEST_DRAFT = 100_000


def drafters(connectors: Mapping[str, Connector]) -> frozenset[str]:
    """The platforms that draft."""
    return frozenset(name for name, connector in connectors.items() if "draft" in connector.directions)


def ask_for(session: Session, platforms: Collection[str], incident_id: UUID) -> None:
    """Leaves it to the lane that calls out, where the organization has connected one of the platforms."""
    if _integration(session, platforms):
        outbox.enqueue(session, "poll", "draft", [incident_id])


@dataclass(frozen=True, slots=True)
class Drafter:
    """What drafting needs."""

    connectors: Mapping[str, Connector]
    vault: Vault
    http: Http

    def draft(self, session: Session, incident_ids: Sequence[UUID]) -> None:
        """A draft for each incident that is still open, noted in its timeline; people publish. Raises Unavailable."""
        integration = _integration(session, drafters(self.connectors))
        if integration is None:
            return
        connector = self.connectors[integration.platform]
        config = integrations.config_of(integration, self.vault)
        for incident in session.scalars(_open(session, incident_ids)).all():
            query, _ = asking.question_of(session, incident)
            trouble = Trouble(incident.title, query[:_LONGEST_TEXT], incident.service, incident.severity)
            try:
                said = connector.draft(trouble, config, self.http)
            except Misconfigured as error:  # asking again would change nothing
                log.warning("integration %s drafts nothing: %s", integration.id, error)
            else:
                _keep(session, incident, said, integration.platform)


def _keep(session: Session, incident: Incident, said: str, platform: str) -> None:
    content = said.replace("\0", "").strip()[:_LONGEST_DRAFT]
    if not content:
        return
    if not content.startswith("# "):
        content = f"# {incident.title}\n\n{content}"
    procedure = procedures.write(
        session,
        None,
        status="draft",
        title=markdown.read(content).title,
        description=f"Drafted by {platform} for an incident that no procedure fitted. Nobody has checked it.",
        content=content,
        services=[incident.service] if incident.service else [],
        severities=[incident.severity],
        tags=[TAG],
    )
    told = {"procedure_id": str(procedure.id), "title": procedure.title, "platform": platform}
    timeline.note(session, incident.id, "procedure_drafted", "hub", **told)


def _integration(session: Session, platforms: Collection[str]) -> Integration | None:
    return session.scalar(
        select(Integration)
        .where(
            Integration.organization_id == organization_of(session),
            Integration.platform.in_(platforms),
            Integration.enabled,
            Integration.deleted_at.is_(None),
        )
        .order_by(Integration.created_at)
        .limit(1)
    )


def _open(session: Session, incident_ids: Sequence[UUID]) -> Select[Incident]:
    return select(Incident).where(
        Incident.organization_id == organization_of(session), Incident.id.in_(incident_ids), Incident.status.in_(OPEN)
    )
