"""API keys, known by their hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKeyConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class ApiKey(Tenant, Base):
    """A key of one person. `hint` is its end, so that people can tell their keys apart."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[UUID]
    name: Mapped[str]
    key_hash: Mapped[bytes]
    hint: Mapped[str]
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    ip_allowlist: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
