"""Drafts by a language model, where no procedure fits an incident and the organization has connected one."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hub import outbox
from hub.contracts.connector import Connector, Http, Trouble
from hub.contracts.errors import Misconfigured
from hub.database import Database, organization_of
from hub.incidents import timeline
from hub.incidents.models import Incident
from hub.incidents.rules import OPEN
from hub.integrations import service as integrations
from hub.integrations.models import Integration
from hub.integrations.vault import Vault
from hub.outbox import Handler
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

    def prepare(self, database: Database, organization_id: UUID, incident_ids: Sequence[UUID]) -> Handler:
        """Asks for a draft for each incident that is still open, outside of any transaction. Raises Unavailable."""
        with database.transaction(organization_id) as session:
            integration = _integration(session, drafters(self.connectors))
            troubles = _troubles(session, incident_ids) if integration else {}
        if integration is None:
            return partial(_keep_all, "", {})
        connector = self.connectors[integration.platform]
        config = integrations.config_of(integration, self.vault)
        try:
            said = {each: connector.draft(trouble, config, self.http) for each, trouble in troubles.items()}
        except Misconfigured as error:  # asking again would change nothing
            log.warning("integration %s drafts nothing: %s", integration.id, error)
            said = {}
        return partial(_keep_all, integration.platform, said)


def _troubles(session: Session, incident_ids: Sequence[UUID]) -> dict[UUID, Trouble]:
    found = {}
    for incident in session.scalars(_open(session, incident_ids)).all():
        query, _ = asking.question_of(session, incident)
        found[incident.id] = Trouble(incident.title, query[:_LONGEST_TEXT], incident.service, incident.severity)
    return found


def _keep_all(platform: str, said: Mapping[UUID, str], session: Session, _incident_ids: Sequence[UUID]) -> None:
    """Drafts, each noted in its incident's timeline; people publish. Incidents that are over by now need none."""
    for incident in session.scalars(_open(session, list(said))).all():
        _keep(session, incident, said[incident.id], platform)


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
