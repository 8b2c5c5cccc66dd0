"""What the migrations make is what the models say; migrating again changes nothing."""

from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from hub import migrations
from hub.database import Base
from hub.settings import Settings

ROOT = Path(__file__).parents[1]


def load_every_model() -> None:
    for path in (ROOT / "hub").rglob("*models.py"):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def is_ours(name: str | None, kind: str, parents: dict) -> bool:
    """Partitions repeat their parents, alembic_version is Alembic's own, and SQLAlchemy cannot read xid8."""
    return (kind != "table" or name in Base.metadata.tables) and (kind, name) != ("column", "xid")


@pytest.mark.filterwarnings("ignore:Did not recognize type .xid8.")
def test_models_and_migrations_agree(hub_settings: Settings):
    load_every_model()
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": is_ours, "compare_type": True, "compare_server_default": False}
        )
        differences = compare_metadata(context, Base.metadata)
    assert [each for each in differences if not _is_only_an_index(each)] == []


def test_migrating_again_changes_nothing(hub_settings: Settings):
    migrations.migrate(hub_settings)
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool)
    with engine.connect() as connection:
        assert migrations.is_current(connection)
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def _is_only_an_index(difference: tuple | list) -> bool:
    """Indexes, keys and constraints are the migrations' own: expressions and predicates have no form in the models."""
    kind = difference[0][0] if isinstance(difference, list) else difference[0]
    return kind.startswith(("add_index", "remove_index", "add_fk", "remove_fk", "add_constraint", "remove_constraint"))
