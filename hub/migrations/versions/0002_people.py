"""People and organizations: invitations, API keys, mail tokens, lockout, audit, plans."""

from alembic import op

from hub.migrations import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql(op.get_bind(), "versions/0002_people.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "versions/0002_people.down.sql")
