"""Procedures and their versions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now
from hub.procedures import rules


class Procedure(Tenant, Base):
    """A runbook as it is now; `steps` are derived from `content` unless somebody gave them."""

    __tablename__ = "procedures"
    __table_args__ = (
        Index("procedures_created", "organization_id", "created_at", "id"),
        Index("procedures_source", "organization_id", "source_url", postgresql_where=text("source_url <> ''")),
        UniqueConstraint("organization_id", "source_path"),
        ForeignKeyConstraint(["organization_id", "author_id"], ["users.organization_id", "users.id"]),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    content: Mapped[str] = mapped_column(server_default="")
    category: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    severities: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    services: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    kind: Mapped[str] = mapped_column(server_default="manual")
    status: Mapped[str] = mapped_column(server_default="published")
    version: Mapped[int] = mapped_column(server_default="1")
    variables: Mapped[list[Any]] = mapped_column(server_default="[]")
    steps: Mapped[list[Any]] = mapped_column(server_default="[]")
    has_own_steps: Mapped[bool] = mapped_column(server_default="false")
    source_url: Mapped[str] = mapped_column(server_default="")
    source_path: Mapped[str | None]
    author_id: Mapped[UUID | None]
    execution_count: Mapped[int] = mapped_column(server_default="0")
    success_count: Mapped[int] = mapped_column(server_default="0")
    failure_count: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())
    reviewed_at: Mapped[datetime] = mapped_column(server_default=database_now())
    published_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]

    @property
    def success_rate(self) -> float | None:
        """0 to 1; None before any execution has finished."""
        return rules.success_rate(self.success_count, self.failure_count)


class ProcedureVersion(Base):
    """What a procedure said in one of its versions."""

    __tablename__ = "procedure_versions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "procedure_id"], ["procedures.organization_id", "procedures.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["organization_id", "author_id"], ["users.organization_id", "users.id"]),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    procedure_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    said: Mapped[dict[str, Any]]
    author_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
