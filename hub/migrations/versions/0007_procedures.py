"""Procedures, executions, search feedback."""

from alembic import op

from hub.migrations import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0007_procedures.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0007_procedures.down.sql")
