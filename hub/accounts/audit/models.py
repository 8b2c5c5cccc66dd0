"""Entries of the audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now


class AuditEntry(Tenant, Base):
    """One deed, or one that was refused. `action` is written like a permission: area and verb."""

    __tablename__ = "audit_log"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    actor_kind: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(Uuid)
    api_key_id: Mapped[UUID | None] = mapped_column(Uuid)
    action: Mapped[str]
    subject_id: Mapped[UUID | None] = mapped_column(Uuid)
    result: Mapped[str]
    address: Mapped[str]
    user_agent: Mapped[str]
    request_id: Mapped[str]
    detail: Mapped[dict[str, Any]]

    @property
    def actor(self) -> dict[str, Any]:
        """Who acted: kind, and the ids of the user and of the key."""
        return {"kind": self.actor_kind, "user_id": self.user_id, "api_key_id": self.api_key_id}
