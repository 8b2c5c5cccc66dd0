"""What a database must be before it can be migrated: what only its administrator can give it."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, text

from hub.contracts.errors import Misconfigured

PREPARATION: Final = files(__package__).joinpath("prepare.sql")
"""The statements that an administrator runs once, with psql."""

# true: it is so; the words: what is so when it is not
_ASKED: Mapping[str, str] = {
    "current_setting('server_version_num')::integer >= 140000": "its Postgres is older than 14",
    "current_user = 'overwatch_owner'": "the role that migrates is not overwatch_owner",
    "has_schema_privilege('public', 'CREATE')": "this role may not create tables in it",
    "EXISTS (SELECT FROM pg_roles WHERE rolname = 'overwatch_app' AND NOT rolsuper AND NOT rolbypassrls)": (
        "the role overwatch_app is missing, or may pass row-level security"
    ),
    "EXISTS (SELECT FROM pg_extension WHERE extname = 'vector'"
    " AND string_to_array(extversion, '.')::integer[] >= '{0,8}')": "the extension vector 0.8 or newer is missing",
}
_STATEMENT = text(f"SELECT {', '.join(_ASKED)}")


def check(connection: Connection) -> None:
    """Raises Misconfigured with all that is missing, and how to make it."""
    answers = connection.execute(_STATEMENT).one()
    missing = [words for words, is_so in zip(_ASKED.values(), answers, strict=True) if not is_so]
    if missing:
        raise Misconfigured(
            f"The database cannot be migrated: {'; '.join(missing)}. Its administrator prepares it once with"
            f" `psql -d DATABASE -f {PREPARATION}`; OVERWATCH_OWNER_DATABASE_URL then names it as overwatch_owner."
        )
