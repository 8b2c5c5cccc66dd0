"""Use cases of suggestions: procedures for an incident, similar past incidents, and saying both when it opens."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.database import new_id, organization_of
from hub.incidents import service as incidents
from hub.incidents import timeline
from hub.incidents.models import Incident
from hub.incidents.rules import OPEN
from hub.outbox import Handler
from hub.search import service as search
from hub.search.embedding.loaded import Embedders
from hub.search.service import Filters, Hit
from hub.search.suggestions import asking, drafting
from hub.search.suggestions.models import Suggestion

_MOST_SUGGESTED = 3
_LEAST_CONFIDENCE = 0.2  # of what is only similar: below, a suggestion costs more attention than it gives
_LONGEST_SUMMARY = 300


@dataclass(frozen=True, slots=True)
class Past:
    """An incident of before, and how it was resolved."""

    hit: Hit
    incident: Incident


def handlers(models: Embedders, drafters: Collection[str] = ()) -> Mapping[str, Handler]:
    """What the index lane does once an open incident is indexed."""
    return {"suggest": partial(suggest, models, drafters=drafters)}


def procedures_for(session: Session, models: Embedders, incident_id: UUID, limit: int) -> Sequence[Hit]:
    """Procedures for the incident, those with evidence first. Raises NotFound."""
    return _procedures_for(session, models, incidents.get(session, incident_id), limit)


def similar_to(session: Session, models: Embedders, incident_id: UUID, limit: int) -> Sequence[Past]:
    """Incidents before this one that were like it, with their resolutions. Raises NotFound."""
    return _similar_to(session, models, incidents.get(session, incident_id), limit)


def suggest(
    models: Embedders, session: Session, incident_ids: Sequence[UUID], *, drafters: Collection[str] = ()
) -> None:
    """Stores suggestions for incidents that are open and have none yet, and tells them in the timeline.

    Where no procedure fits, one of the `drafters` is asked for one, if the organization has connected it.
    """
    already = select(Suggestion.incident_id).where(Suggestion.organization_id == organization_of(session))
    wanted = select(Incident).where(
        Incident.organization_id == organization_of(session),
        Incident.id.in_(incident_ids),
        Incident.status.in_(OPEN),
        Incident.merged_into.is_(None),
        Incident.id.not_in(already.where(Suggestion.incident_id.in_(incident_ids))),
    )
    for incident in session.scalars(wanted).all():
        procedures = _worth_saying(_procedures_for(session, models, incident, _MOST_SUGGESTED))
        if not procedures:
            drafting.ask_for(session, drafters, incident.id)
        past = _similar_to(session, models, incident, _MOST_SUGGESTED)
        alike = {each.hit.id: each for each in past if each.hit in _worth_saying([one.hit for one in past])}
        hits = [*procedures, *(each.hit for each in alike.values())]
        if hits:
            _store(session, incident.id, hits)
            told = {"procedures": [_told(hit, "procedure_id") for hit in procedures]}
            told["incidents"] = [_told(each.hit, "incident_id") | _resolution(each) for each in alike.values()]
            timeline.note(session, incident.id, "suggested", "hub", **told)


def is_evident(hit: Hit) -> bool:
    """Whether more than similarity speaks for it: its name, a link, its service, a use that people confirmed."""
    return any(hit.evidence.rank)


def _procedures_for(session: Session, models: Embedders, incident: Incident, limit: int) -> Sequence[Hit]:
    query, known = asking.question_of(session, incident)
    return search.ask(session, models, query, kinds=("procedures",), known=known, limit=limit).hits


def _similar_to(session: Session, models: Embedders, incident: Incident, limit: int) -> Sequence[Past]:
    query, known = asking.question_of(session, incident)
    before = Filters(created_before=incident.created_at)
    kinds = ("incidents", "solutions")
    hits = search.ask(session, models, query, kinds=kinds, filters=before, known=known, limit=2 * limit).hits
    best: dict[UUID, Hit] = {}
    for hit in hits:
        best.setdefault(hit.id, hit)  # an incident and its solution are one answer
    found = select(Incident).where(Incident.organization_id == organization_of(session), Incident.id.in_(best))
    known_incidents = {each.id: each for each in session.scalars(found) if each.merged_into is None}
    return [Past(hit, known_incidents[hit.id]) for hit in best.values() if hit.id in known_incidents][:limit]


def _worth_saying(hits: Sequence[Hit]) -> list[Hit]:
    return [hit for hit in hits if is_evident(hit) or hit.result.confidence >= _LEAST_CONFIDENCE]


def _store(session: Session, incident_id: UUID, hits: Sequence[Hit]) -> None:
    rows = [
        {
            "organization_id": organization_of(session),
            "id": new_id(),
            "incident_id": incident_id,
            "kind": hit.type,
            "source_id": hit.id,
            "place": place,
            "title": hit.title,
            "confidence": hit.result.confidence,
            "is_explicit": is_evident(hit),
            "reasons": list(hit.result.reasons),
        }
        for place, hit in enumerate(hits, start=1)
    ]
    session.execute(insert(Suggestion).on_conflict_do_nothing(), rows)


def _told(hit: Hit, key: str) -> dict[str, Any]:
    label = "evidence" if is_evident(hit) else "suggestion"
    return {key: str(hit.id), "title": hit.title, "confidence": round(hit.result.confidence, 4), "label": label}


def _resolution(past: Past) -> dict[str, str]:
    summary = (past.incident.resolution or {}).get("summary", "")
    return {"resolution": summary[:_LONGEST_SUMMARY]} if summary else {}
