"""Organizations and their people."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from hub.accounts.rules import settings_of
from hub.database import Base, Tenant, database_now, new_id


class Organization(Base):
    """A tenant."""

    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    plan: Mapped[str] = mapped_column(server_default="free")
    plan_limits: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    plan_since: Mapped[datetime] = mapped_column(server_default=database_now())
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())

    @property
    def effective_settings(self) -> dict[str, Any]:
        """The settings over the defaults."""
        return settings_of(self.settings)


class User(Tenant, Base):
    """A person of one organization; the e-mail address is unique over the whole hub. Pending: invited, no password."""

    __tablename__ = "users"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    role: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="active")
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    email_verified_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())
