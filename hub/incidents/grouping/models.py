"""Correlation rules."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class CorrelationRule(Tenant, Base):
    """One rule; `match` maps a field or `labels.<name>` to a value, a list of values, or {"regex": pattern}."""

    __tablename__ = "correlation_rules"
    __table_args__ = (
        UniqueConstraint("organization_id", "name"),
        ForeignKeyConstraint(
            ["organization_id", "route_assignee_id"],
            ["users.organization_id", "users.id"],
        ),
        Index("correlation_rules_order", "organization_id", "position", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str]
    position: Mapped[int]
    match: Mapped[dict[str, Any]]
    group_by: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    window_seconds: Mapped[int]
    action: Mapped[str]
    severity_override: Mapped[str | None]
    route_service: Mapped[str | None]
    route_assignee_id: Mapped[UUID | None]
    enabled: Mapped[bool] = mapped_column(server_default="true")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())

    @property
    def route(self) -> dict[str, Any]:
        """What the action `route` sets."""
        return {"service": self.route_service, "assignee": self.route_assignee_id}
