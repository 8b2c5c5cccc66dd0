"""Incidents, the episodes of alerts in them with the decision that put each there, and their timeline."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.accounts.models import User
from hub.database import Base, Tenant, database_moment, database_now


class Incident(Tenant, Base):
    """Alerts that belong together, or what a person opened by hand."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "incidents_created",
            "organization_id",
            "created_at",
            "id",
            postgresql_include=["status", "severity", "service", "assignee_id", "source_integration_id"],
        ),
        Index(
            "incidents_open",
            "organization_id",
            "last_activity_at",
            postgresql_where=text("status IN ('active', 'in_progress')"),
        ),
        ForeignKeyConstraint(
            ["organization_id", "source_integration_id"], ["integrations.organization_id", "integrations.id"]
        ),
        ForeignKeyConstraint(
            ["organization_id", "assignee_id"],
            ["users.organization_id", "users.id"],
        ),
        ForeignKeyConstraint(
            ["organization_id", "merged_into"],
            ["incidents.organization_id", "incidents.id"],
        ),
        Index("incidents_assignee", "organization_id", "assignee_id", postgresql_where=text("assignee_id IS NOT NULL")),
        Index("incidents_merged", "organization_id", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    severity: Mapped[str]
    severity_pinned: Mapped[bool] = mapped_column(server_default="false")
    status: Mapped[str] = mapped_column(server_default="active")
    environment: Mapped[str] = mapped_column(server_default="")
    service: Mapped[str] = mapped_column(server_default="")
    services: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    links: Mapped[list[Any]] = mapped_column(server_default="[]")
    source_integration_id: Mapped[UUID | None]
    assignee_id: Mapped[UUID | None]
    merged_into: Mapped[UUID | None]
    before_merge: Mapped[dict[str, Any] | None]
    alert_count: Mapped[int] = mapped_column(server_default="0")
    words: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    resolution: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_moment())
    last_activity_at: Mapped[datetime] = mapped_column(server_default=database_now())
    acknowledged_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    correlation_key: Mapped[str | None]
    alerts_resolved_at: Mapped[datetime | None]
    assignee: Mapped[User | None] = relationship(viewonly=True, lazy="selectin")


class AlertEpisode(Base):
    """One episode of an alert: correlated once, in at most one incident, with the decision kept."""

    __tablename__ = "episodes"
    __table_args__ = (
        Index("episodes_of_incident", "organization_id", "incident_id"),
        ForeignKeyConstraint(
            ["organization_id", "alert_id"], ["alerts.organization_id", "alerts.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"],
            ["incidents.organization_id", "incidents.id"],
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    alert_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    incident_id: Mapped[UUID | None]
    decision: Mapped[dict[str, Any]]
    correlated_at: Mapped[datetime]


class TimelineEntry(Tenant, Base):
    """Something that happened to an incident; `actor` is "hub" or a person's public id."""

    __tablename__ = "timeline"
    __table_args__ = (
        Index("timeline_of_incident", "organization_id", "incident_id", "at", "id"),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"], ["incidents.organization_id", "incidents.id"], ondelete="CASCADE"
        ),
    )

    incident_id: Mapped[UUID]
    kind: Mapped[str]
    actor: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    at: Mapped[datetime] = mapped_column(server_default=database_now())


class Comment(Tenant, Base):
    """What a person wrote about an incident, in Markdown; `mentions` are the people it names."""

    __tablename__ = "comments"
    __table_args__ = (
        Index("comments_of_incident", "organization_id", "incident_id", "created_at", "id"),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"], ["incidents.organization_id", "incidents.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["organization_id", "author_id"], ["users.organization_id", "users.id"]),
    )

    incident_id: Mapped[UUID]
    author_id: Mapped[UUID | None]
    body: Mapped[str]
    mentions: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
