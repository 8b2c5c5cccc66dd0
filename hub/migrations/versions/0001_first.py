"""The tables of one event's way."""

from alembic import op

from hub.migrations import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0001_first.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0001_first.down.sql")
