"""Silences."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, case
from sqlalchemy.orm import Mapped, column_property, mapped_column

from hub.database import Base, Tenant, database_now


class SilenceRecord(Tenant, Base):
    """A stored silence; `matchers` is a list of {name, value, is_regex, is_equal}."""

    __tablename__ = "silences"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "created_by"],
            ["users.organization_id", "users.id"],
        ),
        Index("silences_end", "organization_id", "ends_at"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    matchers: Mapped[list[Any]]
    starts_at: Mapped[datetime] = mapped_column()
    ends_at: Mapped[datetime] = mapped_column()
    comment: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())
    status: Mapped[str] = column_property(
        case((starts_at > database_now(), "pending"), (ends_at > database_now(), "active"), else_="expired")
    )
