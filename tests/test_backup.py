"""The whole hub in one file, and out of it again, with the auditor green afterwards."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub import backup, migrations, settings
from hub.contracts.errors import Conflict, Misconfigured
from hub.embedded.postgres import EmbeddedPostgres
from hub.runtime import assemble
from tests.conftest import FAST
from tests.factories import PASSWORD, Hub, firing


@contextmanager
def hub_on(data: Path) -> Iterator[Hub]:
    """A hub in this process, on a server and a folder of its own."""
    chosen = settings.from_env(data, {})
    with EmbeddedPostgres(chosen, conf=FAST):
        migrations.migrate(chosen)
        runtime = assemble(chosen)
        try:
            yield Hub(runtime)
        finally:
            runtime.database.dispose()


def test_backup_of_a_running_hub_is_restored_elsewhere_whole(tmp_path: Path):
    target = tmp_path / "hub.backup"
    with hub_on(tmp_path / "first") as hub:
        owner = hub.register()
        owner.push(firing("DiskFull", service="db"))
        hub.work()
        owner.push(firing("Late"))  # still waits when the snapshot is taken
        assert backup.back_up(tmp_path / "first", target) > 10_000
        before = owner.get("/incidents")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    restored = backup.restore(tmp_path / "second", target)
    assert (restored.organizations, restored.deliveries, restored.violations) == (1, 2, [])
    with hub_on(tmp_path / "second") as hub:
        assert hub.log_in(owner.email, PASSWORD).status_code == 200
        owner.hub = hub
        assert owner.get("/incidents") == before
        hub.work()
        assert len(owner.get("/incidents")) == 2


def test_hub_that_holds_something_is_not_overwritten(tmp_path: Path):
    with hub_on(tmp_path / "data") as hub:
        hub.register()
        backup.back_up(tmp_path / "data", tmp_path / "hub.backup")
        with pytest.raises(Conflict, match="not empty"):
            backup.restore(tmp_path / "data", tmp_path / "hub.backup")


def test_what_is_no_backup_is_refused_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "letter").write_text("Dear hub")
    with pytest.raises(Misconfigured, match="is no backup of Overwatch"):
        backup.restore(tmp_path / "data", tmp_path / "letter")
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_other_encryption_key_is_refused(tmp_path: Path):
    settings.from_env(tmp_path, {})
    with pytest.raises(Conflict, match="another encryption key"):
        backup.with_keys(tmp_path, {"encryption_key": "x" * 40})
