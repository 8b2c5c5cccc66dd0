"""The worker's commands; hub.cli finds them by their entry point, because the hub does not know its workers."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from hub import settings
from hub.broker import LANES
from hub.cli import DATA, GATE
from hub.client import Client


@click.command()
@DATA
@click.option("--lanes", default=",".join(LANES), show_default=True, help="What to work on, separated by commas.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True)
@GATE
def worker(data: Path, lanes: str, processes: int, gate: int | None) -> None:
    """Run a worker on some lanes."""
    chosen = lanes.split(",")
    unknown = sorted(set(chosen) - set(LANES))
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(LANES)}", param_hint="--lanes")
    from workers.app import run_worker

    run_worker(settings.from_env(data), chosen, processes, gate)


@click.command()
@DATA
@GATE
def beat(data: Path, gate: int | None) -> None:
    """Run the scheduler."""
    from workers import scheduler

    scheduler.run(settings.from_env(data), gate)


_MOMENT = click.DateTime(("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"))


@click.group()
def replay() -> None:
    """Give deliveries to the workers once more."""


@replay.command("deliveries")
@click.argument("delivery_ids", nargs=-1)
@click.option("--integration", "integration_id", help="Only those of this integration.")
@click.option("--status", multiple=True, help="Only those that ended so, for example dead.")
@click.option("--after", "received_after", type=_MOMENT, help="Received at or after this moment (UTC).")
@click.option("--before", "received_before", type=_MOMENT, help="Received before this moment (UTC).")
@click.option("--dry-run", is_flag=True, help="Only say what would change; not for single deliveries.")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, envvar="OVERWATCH_URL")
@click.option("--api-key", required=True, envvar="OVERWATCH_API_KEY", help="A key that may update integrations.")
def replay_deliveries(delivery_ids: tuple[str, ...], dry_run: bool, url: str, api_key: str, **chosen: Any) -> None:
    """Replay some deliveries of a running hub: by their ids, or all that fit the options."""
    client = Client(url, api_key=api_key)
    for delivery_id in delivery_ids:
        client.call("POST", f"/deliveries/{delivery_id}/replay", {})
    if delivery_ids:
        return click.echo(_sent_back(len(delivery_ids)))
    body = {name: _told(value) for name, value in chosen.items() if value}
    report = client.call("POST", "/deliveries/replay", body | {"dry_run": dry_run})["data"]
    if not dry_run:
        return click.echo(_sent_back(report["delivery_count"]))
    for each in report["deliveries"]:
        click.echo(f"{each['delivery_id']}: {each['before']} -> {each['after']}")
    for each in report["alerts"]:
        click.echo(f"{each['alert_id'] or 'a new alert'} {each['dedup_key']}: {each['before']} -> {each['after']}")
    return click.echo(f"{report['tried_count']} of {report['delivery_count']} deliveries were tried; nothing changed.")


def _sent_back(count: int) -> str:
    return f"{count} {'delivery goes' if count == 1 else 'deliveries go'} to the workers again."


def _told(value: Any) -> Any:
    return (
        f"{value.isoformat()}Z" if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value
    )


@replay.command("everything")
@DATA
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def replay_everything(data: Path, folder: Path) -> None:
    """Replay all that the running hub has ever accepted into an empty hub in FOLDER.

    Says for each organization whether it comes to the same state, and exits with 1 when one does not. What people said
    of alerts is in no delivery, and makes a difference. Afterwards `overwatch up --data FOLDER` runs the new hub.
    """
    from workers import rebuilding

    differing = 0
    for each in rebuilding.rebuild(settings.from_env(data), folder.absolute()):
        differing += not each.is_same
        word = f"the same state {each.before}" if each.is_same else f"{each.before} became {each.after}"
        click.echo(f"{each.organization_id}: {each.delivery_count} deliveries, {word}")
    raise SystemExit(1 if differing else 0)
