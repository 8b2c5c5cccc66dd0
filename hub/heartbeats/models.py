"""Heartbeats that somebody expects."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class Heartbeat(Tenant, Base):
    """Expected every `interval_seconds`; `due_at` is when, with the grace, it counts as missing."""

    __tablename__ = "expected_heartbeats"
    __table_args__ = (
        UniqueConstraint("id"),
        UniqueConstraint("organization_id", "name"),
        ForeignKeyConstraint(
            ["organization_id", "integration_id"],
            ["integrations.organization_id", "integrations.id"],
            ondelete="CASCADE",
        ),
        Index("expected_heartbeats_due", "due_at", postgresql_where=text("enabled AND status <> 'missing'")),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    integration_id: Mapped[UUID]
    name: Mapped[str]
    interval_seconds: Mapped[int]
    grace_seconds: Mapped[int] = mapped_column(server_default="0")
    severity: Mapped[str] = mapped_column(server_default="high")
    service: Mapped[str] = mapped_column(server_default="")
    labels: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    status: Mapped[str] = mapped_column(server_default="waiting")
    token_hash: Mapped[bytes]
    last_ping_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())
