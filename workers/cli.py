"""The worker's commands; hub.cli finds them by their entry point, because the hub does not know its workers."""

from pathlib import Path

import click

from hub import settings
from hub.broker import LANES
from hub.cli import DATA
from workers.app import run_scheduler, run_worker


@click.command()
@DATA
@click.option("--lanes", default=",".join(LANES), show_default=True, help="What to work on, separated by commas.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True)
def worker(data: Path, lanes: str, processes: int) -> None:
    """Run a worker on some lanes."""
    chosen = lanes.split(",")
    unknown = sorted(set(chosen) - set(LANES))
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(LANES)}", param_hint="--lanes")
    run_worker(settings.from_env(data), chosen, processes)


@click.command()
@DATA
def beat(data: Path) -> None:
    """Run the scheduler."""
    run_scheduler(settings.from_env(data))
