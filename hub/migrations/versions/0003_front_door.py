"""The front door: idempotency keys and rate limits."""

from alembic import op

from hub.migrations import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0003_front_door.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0003_front_door.down.sql")
