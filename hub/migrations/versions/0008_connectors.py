"""Connectors: polling state, outbound deliveries, breakers."""

from alembic import op

from hub.migrations import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0008_connectors.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0008_connectors.down.sql")
