"""Tokens that were mailed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class MailToken(Tenant, Base):
    """What a mail proves: its reader has that address. Good once, until it expires."""

    __tablename__ = "mail_tokens"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[UUID]
    purpose: Mapped[str]
    token_hash: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
