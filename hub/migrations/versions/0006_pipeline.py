"""The durable pipeline: replay, flapping, expiry, correlation decisions."""

from alembic import op

from hub.migrations import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0006_pipeline.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0006_pipeline.down.sql")
