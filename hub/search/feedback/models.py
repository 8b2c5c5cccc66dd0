"""Verdicts on results."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now
from hub.search.models import DIMENSIONS


class Verdict(Tenant, Base):
    """What one person said of one result for one query; later it may be another word, but only one."""

    __tablename__ = "verdicts"
    __table_args__ = (
        UniqueConstraint("organization_id", "kind", "source_id", "query_key", "user_id"),
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID]
    kind: Mapped[str]
    source_id: Mapped[UUID]
    query_key: Mapped[str]
    verdict: Mapped[str]
    model: Mapped[str]
    embedding: Mapped[Any] = mapped_column(HALFVEC(DIMENSIONS))
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
