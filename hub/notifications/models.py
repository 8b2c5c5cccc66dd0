"""What people were told, and how they want to be told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from hub.database import Base, Tenant, database_now


class Notification(Tenant, Base):
    """One person told of one transition of one incident on one channel: only once, however often it is tried."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("organization_id", "incident_id", "transition", "channel", "user_id"),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"], ["incidents.organization_id", "incidents.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
        Index(
            "notifications_of_user",
            "organization_id",
            "user_id",
            "created_at",
            "id",
            postgresql_where=text("channel = 'inbox'"),
        ),
        Index("notifications_unsent", "organization_id", "created_at", postgresql_where=text("sent_at IS NULL")),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column()
    transition: Mapped[str]
    kind: Mapped[str]
    channel: Mapped[str]
    user_id: Mapped[UUID]
    data: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    sent_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]

    # what was suggested when the incident opened; told a moment before that, a notification has it when it is read
    suggestions: Mapped[list[Any]] = column_property(func.suggestions_of(organization_id, incident_id, type_=JSONB))


class NotificationPreferences(Base):
    """Where a person hears of which kind, e.g. {"critical": ["inbox"]}; a kind that is missing has its default."""

    __tablename__ = "notification_preferences"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "user_id"], ["users.organization_id", "users.id"], ondelete="CASCADE"),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    channels: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())
