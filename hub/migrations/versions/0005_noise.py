"""Noise control and insight: rules, silences, services, heartbeats, notifications."""

from alembic import op

from hub.migrations import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0005_noise.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0005_noise.down.sql")
