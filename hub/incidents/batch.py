"""What a batch of alerts does to incidents, gathered row by row to be written in a few statements."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.alerts.change import Change
from hub.alerts.rules import Episode
from hub.database import new_id
from hub.incidents.candidates import Candidate, Candidates
from hub.incidents.deciding import Decision
from hub.incidents.signals import Signal

HUB = "hub"
LONGEST_TITLE = 300

Row = dict[str, Any]


@dataclass(slots=True)
class Joined:
    """What an incident met: severities, and alerts; `is_known` when it may have had one of them before."""

    severities: set[str] = field(default_factory=set)
    alert_ids: set[UUID] = field(default_factory=set)
    is_known: bool = False


@dataclass(slots=True)
class Batch:
    """Effects, in the columns' own names; `joined` has what each incident met, `places` where each alert is now."""

    candidates: Candidates
    opened: dict[UUID, Row] = field(default_factory=dict)
    reopened: set[UUID] = field(default_factory=set)
    joined: dict[UUID, Joined] = field(default_factory=dict)
    episodes: list[Row] = field(default_factory=list)
    timeline: list[Row] = field(default_factory=list)
    places: dict[UUID, UUID] = field(default_factory=dict)

    def place(
        self, change: Change, episode: Episode, signal: Signal, decision: Decision, assignee: UUID | None
    ) -> None:
        """The episode goes where the decision says, for good."""
        title = episode.content["title"]
        record = decision.as_record()
        incident_id = decision.incident_id
        if decision.opens:
            incident_id = self._open(change, episode, signal, decision, assignee)
        if incident_id is not None:
            self._join(incident_id, signal, record, title, is_known=change.before is not None)
        self.episodes.append(
            {
                "alert_id": change.alert_id,
                "number": episode.number,
                "started_at": episode.started_at,
                "resolved_at": episode.resolved_at,
                "incident_id": incident_id,
                "decision": record,
                "correlated_at": signal.at,
            }
        )

    def revive(self, change: Change, at: datetime) -> None:
        """An alert that was taken for over fires still, so its incident is not resolved either."""
        incident = self.candidates.find(change.incident_id)
        if incident is None or incident.status != "resolved":
            return
        self.candidates.reopen(incident)
        self.reopened.add(incident.incident_id)
        self.joined.setdefault(incident.incident_id, Joined(is_known=True))
        self.note(incident.incident_id, "reopened", at, {"because": "an alert that was taken for over fires still"})

    def grade(self, change: Change, signal: Signal) -> None:
        """An alert that is in its incident already says another severity than before."""
        incident_id = self.places.get(change.alert_id, change.incident_id)
        incident = self.candidates.find(incident_id)
        if incident_id is None or incident is None or not incident.is_open:
            return
        joined = self.joined.setdefault(incident_id, Joined(is_known=True))
        joined.severities.add(signal.severity)

    def note(self, incident_id: UUID, kind: str, at: datetime, data: Row) -> None:
        """A line of the incident's timeline, written by the hub."""
        row = {"id": new_id(), "incident_id": incident_id, "kind": kind, "actor": HUB, "data": data, "at": at}
        self.timeline.append(row)

    def _open(
        self, change: Change, episode: Episode, signal: Signal, decision: Decision, assignee: UUID | None
    ) -> UUID:
        content = episode.content
        incident_id = new_id()
        self.opened[incident_id] = {
            "id": incident_id,
            "title": content["title"][:LONGEST_TITLE],
            "description": content["description"],
            "links": content["links"],
            "source_integration_id": change.integration_id,
            "assignee_id": assignee,
            "correlation_key": decision.correlation_key,
            "created_at": signal.at,
        }
        self.candidates.add(
            Candidate(
                incident_id,
                "active",
                signal.environment,
                set(),
                set(),
                signal.at,
                correlation_key=decision.correlation_key,
                opened_at=signal.at,
            )
        )
        self.note(incident_id, "opened", signal.at, {"title": content["title"]})
        return incident_id

    def _join(self, incident_id: UUID, signal: Signal, record: Row, title: str, *, is_known: bool) -> None:
        candidate = self.candidates[incident_id]
        if not candidate.is_open:
            self.candidates.reopen(candidate)
            self.reopened.add(incident_id)
            self.note(incident_id, "reopened", signal.at, {"because": "an alert of it fired again"})
        self.candidates.learn(candidate, signal)
        joined = self.joined.setdefault(incident_id, Joined())
        joined.severities.add(signal.severity)
        joined.alert_ids.add(signal.alert_id)
        joined.is_known |= is_known
        self.places[signal.alert_id] = incident_id
        told = {"alert_id": str(signal.alert_id), "title": title, "why": record}
        self.note(incident_id, "alert_joined", signal.at, told)
