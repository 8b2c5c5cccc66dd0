"""An organization takes everything along that the hub holds of it: every row of every tenant table, as JSON lines."""

import json
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import Database

# what proves who somebody is, or opens another's door: of no use elsewhere, and of harm in wrong hands
HIDDEN: Final = frozenset(
    {
        "password_hash",
        "token_hash",
        "previous_token_hash",
        "key_hash",
        "jti_hash",
        "secrets",
        "previous_secrets",
        "answer",
    }
)
_AT_ONCE = 200
_TABLES = text(
    "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_name)"
    " WHERE c.table_schema = 'public' AND c.column_name = 'organization_id' AND t.table_schema = 'public'"
    " AND NOT EXISTS (SELECT FROM pg_class k WHERE k.relname = c.table_name AND k.relispartition)"
    " ORDER BY c.table_name"
)


def rows(database: Database, organization_id: UUID) -> Iterator[str]:
    """Lines {"table": name, "row": {…}}, the organization itself first; of one snapshot, read while they are sent."""
    with database.session(organization_id) as session, session.begin():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield from _rows_of(session, "organizations", "id")
        for table in session.scalars(_TABLES).all():
            yield from _rows_of(session, table, "organization_id")


def _rows_of(session: Session, table: str, key: str) -> Iterator[str]:
    asked = text(
        f"SELECT to_jsonb(t) - CAST(:hidden AS text[]) FROM {table} t"  # the catalogue's own name
        f" WHERE t.{key} = nullif(current_setting('app.organization_id', true), '')::uuid"
    ).execution_options(yield_per=_AT_ONCE)
    for row in session.scalars(asked, {"hidden": sorted(HIDDEN)}):
        yield json.dumps({"table": table, "row": row}, ensure_ascii=False) + "\n"
