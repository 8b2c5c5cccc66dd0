"""Integrations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class Integration(Tenant, Base):
    """One organization's configured use of a connector; deleted ones stay, because their deliveries do."""

    __tablename__ = "integrations"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    platform: Mapped[str]
    name: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    secrets: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    token_hash: Mapped[bytes]
    previous_token_hash: Mapped[bytes | None]
    previous_secrets: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    previous_until: Mapped[datetime | None]
    is_signed: Mapped[bool] = mapped_column(server_default="false")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    expire_after_seconds: Mapped[int | None]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    filters: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    notify_disabled_at: Mapped[datetime | None]
    notify_problem: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())
    deleted_at: Mapped[datetime | None]
