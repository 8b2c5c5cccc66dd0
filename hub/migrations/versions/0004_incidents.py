"""Incidents and alerts at work: comments, merges, moves."""

from alembic import op

from hub.migrations import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0004_incidents.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0004_incidents.down.sql")
