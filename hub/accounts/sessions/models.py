"""Sessions, and the refresh tokens of which each continues its session once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class LoginSession(Tenant, Base):
    """One login and all tokens that came from it."""

    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=database_now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    address: Mapped[str]
    user_agent: Mapped[str]


class RefreshToken(Tenant, Base):
    """A refresh token that was given out, known by the hash of its jti."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "session_id"], ["sessions.organization_id", "sessions.id"], ondelete="CASCADE"
        ),
    )

    session_id: Mapped[UUID]
    jti_hash: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    spent_at: Mapped[datetime | None]
