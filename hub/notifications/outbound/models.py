"""Dispatches."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class Dispatch(Tenant, Base):
    """One change of one incident to tell one integration; the database makes them when the change is committed."""

    __tablename__ = "dispatches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "integration_id"],
            ["integrations.organization_id", "integrations.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"], ["incidents.organization_id", "incidents.id"], ondelete="CASCADE"
        ),
        Index("dispatches_due", "next_at", postgresql_where=text("status = 'pending'")),
        Index(
            "dispatches_waiting",
            "organization_id",
            "integration_id",
            "incident_id",
            "number",
            postgresql_where=text("status = 'pending'"),
        ),
        Index("dispatches_of_integration", "organization_id", "integration_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    integration_id: Mapped[UUID]
    incident_id: Mapped[UUID]
    kind: Mapped[str]
    incident: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_at: Mapped[datetime] = mapped_column(server_default=database_now())
    lease_token: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(server_default="")
    reference: Mapped[str] = mapped_column(server_default="")
    log: Mapped[list[Any]] = mapped_column(server_default="[]")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    finished_at: Mapped[datetime | None]
