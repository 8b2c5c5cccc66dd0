"""What was suggested when an incident opened."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class Suggestion(Tenant, Base):
    """One document that was suggested, `place` 1 first; `is_explicit` tells evidence from similarity."""

    __tablename__ = "suggestions"
    __table_args__ = (
        UniqueConstraint("organization_id", "incident_id", "kind", "source_id"),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"], ["incidents.organization_id", "incidents.id"], ondelete="CASCADE"
        ),
    )

    incident_id: Mapped[UUID]
    kind: Mapped[str]
    source_id: Mapped[UUID]
    place: Mapped[int]
    title: Mapped[str]
    confidence: Mapped[float]
    is_explicit: Mapped[bool]
    reasons: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
