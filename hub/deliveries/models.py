"""Deliveries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class Delivery(Tenant, Base):
    """One accepted webhook: the raw bytes, and how far the workers have come with them."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("organization_id", "integration_id", "delivery_key"),
        ForeignKeyConstraint(
            ["organization_id", "integration_id"],
            ["integrations.organization_id", "integrations.id"],
            ondelete="CASCADE",
        ),
        Index("deliveries_due", "organization_id", "received_at", "id", postgresql_where=text("status = 'pending'")),
        Index("deliveries_received", "organization_id", "received_at"),
        Index("deliveries_dead", "organization_id", "received_at", postgresql_where=text("status = 'dead'")),
        Index("deliveries_done", "organization_id", "finished_at", postgresql_where=text("status <> 'pending'")),
    )

    integration_id: Mapped[UUID]
    delivery_key: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=database_now())
    headers: Mapped[dict[str, Any]]
    query: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    status: Mapped[str] = mapped_column(server_default="pending")
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_at: Mapped[datetime] = mapped_column(server_default=database_now())
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    origin: Mapped[str] = mapped_column(server_default="webhook")
    claimed_at: Mapped[datetime | None]
    stages: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    items: Mapped[list[Any]] = mapped_column(server_default="[]")
    replay_count: Mapped[int] = mapped_column(server_default="0")

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """What each event became: alert_id, and outcome `new` or `repeat`."""
        return [{**item, "alert_id": UUID(item["alert_id"])} for item in self.items]
