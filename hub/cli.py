"""The command `overwatch`."""

import os
import sys
import threading
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import click

from hub import settings
from hub.contracts.errors import OverwatchError

DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="OVERWATCH_DATA",
    default=Path(".overwatch"),
    show_default=True,
    help="Folder of everything the hub keeps.",
)
_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_PORT = click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    envvar="OVERWATCH_PORT",
    default=8000,
    show_default=True,
    help="Port to listen on.",
)
GATE = click.option("--gate", type=int, hidden=True, help="Descriptor of a gate of `overwatch up`: hub.embedded.gate.")
_COUNT = click.IntRange(1, 64)
_GROUP = "overwatch.commands"
_GROUPS = {"bench": "hub.bench.commands", "plugins": "hub.plugin_kit.commands", "procedures": "hub.procedures.cli"}
_INGEST = "ingest,notify,poll"
_INDEX = "index,bulk"


class _Commands(click.Group):
    """Our commands, and those that other distributions' entry points bring (the workers', to begin with).

    Each loads what it needs itself: six processes start with this module, and every import is paid six times.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        brought = (point.name for point in entry_points(group=_GROUP))
        return sorted({*super().list_commands(ctx), *_GROUPS, *brought})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if module := _GROUPS.get(cmd_name):
            group: click.Group = getattr(import_module(module), cmd_name)
            return group
        for point in entry_points(group=_GROUP, name=cmd_name):
            command: click.Command = point.load()
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="overwatch-hub")
def cli() -> None:
    """Overwatch, an open integration hub for observability."""


@cli.command()
@DATA
@_HOST
@_PORT
@click.option("--api", "apis", type=_COUNT, default=2, show_default=True, help="Processes that answer requests.")
@click.option("--workers", type=_COUNT, default=2, show_default=True, help="Processes that take in alerts.")
def up(data: Path, host: str, port: int, apis: int, workers: int) -> None:
    """Run everything on this machine: Postgres, API, workers, scheduler."""
    from hub.embedded import up as embedded
    from hub.embedded.process import Child
    from hub.wait import is_ready

    # beside the making of the cluster, which is another process's work
    threading.Thread(target=import_module, args=("alembic.command",), daemon=True).start()
    chosen = settings.from_env(data)
    env = {"OVERWATCH_DATA": str(chosen.data_dir), "OVERWATCH_PORT": str(port)}  # mails name it
    overwatch = [sys.executable, "-P", "-m", "hub.cli"]  # -P: the current folder is not ours to import from
    children = [
        Child("api", [*overwatch, "api", "--host", host, "--port", str(port), "--processes", str(apis)], env),
        Child("worker-ingest", [*overwatch, "worker", "--lanes", _INGEST, "--processes", str(workers)], env),
        Child("worker-index", [*overwatch, "worker", "--lanes", _INDEX, "--processes", "1"], env),
        Child("scheduler", [*overwatch, "beat"], env),
    ]

    def prepare(found: settings.Settings) -> None:
        from hub import migrations

        migrations.migrate(found)

    code = embedded.run(chosen, host, port, children=children, migrate=prepare, is_ready=lambda: is_ready(host, port))
    raise SystemExit(code)


@cli.command()
@DATA
@_HOST
@_PORT
@click.option("--processes", type=_COUNT, default=2, show_default=True)
@click.option("--threads", type=_COUNT, default=24, show_default=True, help="Per process.")
@GATE
def api(data: Path, host: str, port: int, processes: int, threads: int, gate: int | None) -> None:
    """Run the HTTP API."""
    chosen = settings.from_env(data)
    os.environ["OVERWATCH_DATA"] = str(chosen.data_dir)
    os.environ["OVERWATCH_PORT"] = str(port)
    os.environ["OVERWATCH_API_THREADS"] = str(threads)  # streams may hold a part of them
    from hub.serving import serve

    serve(host, port, processes, threads, log_format=chosen.log_format, gate=gate)


@cli.command()
@DATA
@click.option("--back-to", metavar="REVISION", help="Take back all newer steps, for the version that has this one.")
def migrate(data: Path, back_to: str | None) -> None:
    """Bring the database to this version, as its owner."""
    from hub import migrations

    chosen = settings.from_env(data)
    if back_to is None:
        return migrations.migrate(chosen)
    if back_to not in {*migrations.revisions(), "base"}:
        raise click.BadParameter(f"there is no revision {back_to}", param_hint="--back-to")
    return migrations.go_back(chosen, back_to)


@cli.command()
@DATA
@_HOST
@_PORT
@click.option("--reset", is_flag=True, help="Delete what the demo made instead of playing it.")
def demo(data: Path, host: str, port: int, reset: bool) -> None:
    """Play an incident storm of three platforms, on a running hub or on one started for it."""
    from hub.demo import play

    data.mkdir(parents=True, exist_ok=True)
    with play.running_hub(host, port, data, click.echo) as address:
        (play.reset if reset else play.play)(address, data, click.echo)


@cli.command("rotate-key")
@DATA
@click.option("--forget", is_flag=True, help="Make none; forget the older ones with which nothing is locked any more.")
def rotate_key(data: Path, forget: bool) -> None:
    """Make a new key for the secrets of integrations; a running hub takes it, and locks all anew within minutes."""
    chosen = settings.from_env(data)
    if forget:
        from hub.database import Database
        from hub.integrations.relocking import keys_used

        database = Database(chosen.database_url, pool_size=1)
        count = settings.forget_encryption_keys(chosen, lambda keys: keys_used(database, keys))
        click.echo(f"{count} older keys are forgotten.")
        return
    settings.rotate_encryption_key(chosen)
    click.echo("The new key locks from now on. Older ones stay in secrets.json, to unlock what is not locked anew yet;")
    click.echo("`overwatch rotate-key --forget` takes them out when nothing needs them. A backup keeps its own.")


@cli.command()
@DATA
@click.option("--audit", is_flag=True, help="Also check in every organization that nothing was lost or doubled.")
def doctor(data: Path, audit: bool) -> None:
    """Say what keeps the hub from working."""
    from hub.doctor import examine

    raise SystemExit(examine(data, is_audit=audit))


@cli.command()
@DATA
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def backup(data: Path, target: Path) -> None:
    """Write the whole hub, database and keys, into the file TARGET; the hub may run meanwhile."""
    from hub.backup import back_up

    click.echo(f"{target}: {back_up(data, target.absolute()) / 1e6:.1f} MB. Whoever has this file has everything.")


@cli.command()
@DATA
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(data: Path, source: Path) -> None:
    """Fill an empty hub from the file SOURCE that `overwatch backup` has written."""
    from hub import backup

    found = backup.restore(data.absolute(), source.absolute())
    for each in found.violations:
        click.echo(f"overwatch: {each.promise}: {each.count} times in {each.organization_id}", err=True)
    audited = "the auditor finds violations" if found.violations else "the auditor finds nothing wrong"
    click.echo(f"Restored {found.organizations} organizations and {found.deliveries} deliveries; {audited}.")
    raise SystemExit(1 if found.violations else 0)


def main() -> None:
    """Errors that have a name end in one line on stderr."""
    try:
        cli()
    except OverwatchError as error:
        click.echo(f"overwatch: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":  # how `overwatch up` starts its children
    main()
