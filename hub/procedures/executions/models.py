"""Executions: one row each, with its steps as they were when it began and what became of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now
from hub.procedures.executions import rules


class Execution(Tenant, Base):
    """One run of a procedure; `approvals` are those of the whole run: {user_id, at, note}."""

    __tablename__ = "executions"
    __table_args__ = (
        Index("executions_created", "organization_id", "created_at", "id"),
        Index("executions_of_procedure", "organization_id", "procedure_id"),
        Index("executions_of_incident", "organization_id", "incident_id"),
        ForeignKeyConstraint(
            ["organization_id", "procedure_id"],
            ["procedures.organization_id", "procedures.id"],
        ),
        ForeignKeyConstraint(
            ["organization_id", "incident_id"],
            ["incidents.organization_id", "incidents.id"],
        ),
        ForeignKeyConstraint(["organization_id", "started_by"], ["users.organization_id", "users.id"]),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    procedure_id: Mapped[UUID | None]
    procedure_version: Mapped[int]
    title: Mapped[str]
    status: Mapped[str]
    incident_id: Mapped[UUID | None]
    urgency: Mapped[str] = mapped_column(server_default="")
    variables: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    steps: Mapped[list[Any]]
    approvals: Mapped[list[Any]] = mapped_column(server_default="[]")
    started_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def duration_seconds(self) -> float | None:
        """From its approval to its end; None while it is not over."""
        return rules.seconds(self.started_at, self.finished_at)

    @property
    def current_step(self) -> int | None:
        """The number of the step that is next; None when it is over."""
        following = rules.next_step(self.steps)
        return None if following is None or self.status in rules.OVER else int(following["number"])
