"""Alerts, and the events from which their state is computed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column, query_expression

from hub.database import Base, Tenant, database_now


class Alert(Tenant, Base):
    """One row per integration and dedup key; `started_at` and `incident_id` are of the current or latest episode."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("alerts_key", "organization_id", "integration_id", "dedup_key", unique=True),
        Index(
            "alerts_created",
            "organization_id",
            "created_at",
            "id",
            postgresql_include=["status", "severity", "service", "platform", "integration_id"],
        ),
        Index("alerts_of_incident", "organization_id", "incident_id"),
        ForeignKeyConstraint(
            ["organization_id", "integration_id"],
            ["integrations.organization_id", "integrations.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"],
            ["incidents.organization_id", "incidents.id"],
        ),
    )

    integration_id: Mapped[UUID]
    dedup_key: Mapped[str]
    platform: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    status: Mapped[str]
    severity: Mapped[str]
    raw_severity: Mapped[str]
    no_data: Mapped[bool]
    service: Mapped[str]
    resource: Mapped[str]
    labels: Mapped[dict[str, Any]]
    annotations: Mapped[dict[str, Any]]
    links: Mapped[list[Any]]
    occurrence_count: Mapped[int]
    episode_count: Mapped[int]
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    last_occurred_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    is_flapping: Mapped[bool] = mapped_column(server_default="false")
    acknowledged_at: Mapped[datetime | None]
    incident_id: Mapped[UUID | None]
    suppressed_by: Mapped[UUID | None] = query_expression()  # not stored: which silence hides it depends on the time
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())


class AlertEvent(Base):
    """One event as a delivery told it; `event_key` is the sender's identity of the occurrence."""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_key", "organization_id", "integration_id", "event_key", unique=True),
        Index("events_of_alert", "organization_id", "alert_id", "occurred_at", "received_at", "item"),
        ForeignKeyConstraint(
            ["organization_id", "delivery_id"],
            ["deliveries.organization_id", "deliveries.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["organization_id", "alert_id"], ["alerts.organization_id", "alerts.id"], ondelete="CASCADE"
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    item: Mapped[int] = mapped_column(primary_key=True)
    integration_id: Mapped[UUID]
    alert_id: Mapped[UUID]
    event_key: Mapped[str]
    state: Mapped[str]
    severity: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    last_received_at: Mapped[datetime]
    content: Mapped[dict[str, Any]]


class Mark(Tenant, Base):
    """What a person said of an alert: an event without a delivery, folded together with those of the platform."""

    __tablename__ = "marks"
    __table_args__ = (
        Index("marks_of_alert", "organization_id", "alert_id", "at"),
        ForeignKeyConstraint(
            ["organization_id", "alert_id"], ["alerts.organization_id", "alerts.id"], ondelete="CASCADE"
        ),
    )

    alert_id: Mapped[UUID]
    state: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]
