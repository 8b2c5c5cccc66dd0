"""`overwatch bench …`."""

from pathlib import Path

import click


@click.group()
def bench() -> None:
    """Measure this machine, each on a hub of its own."""


@bench.command()
@click.option("--webhooks", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--kills", type=click.IntRange(0), default=60, show_default=True)
@click.option("--rate", type=click.FloatRange(1), default=100.0, show_default=True, help="Webhooks per second.")
@click.option("--seed", type=int, default=1, show_default=True)
def chaos(webhooks: int, kills: int, rate: float, seed: int) -> None:
    """Kill busy processes: is anything lost or doubled?

    Webhooks come at a steady rate, from a sender that retries; at the end the auditor looks at everything. Exits with 1
    when something is wrong.
    """
    from hub.bench import chaos as measured

    report = measured.run(webhooks, kills, seed, rate)
    for line in report.lines():
        click.echo(line)
    raise SystemExit(0 if report.is_good else 1)


@bench.command()
def ingest() -> None:
    """Webhooks and alerts per second, and the CPU they cost.

    Beside the floor of the same run: what plain INSERTs of the same size cost.
    """
    from hub.bench import ingest as measured

    for line in measured.run():
        click.echo(line)


@bench.command()
@click.option("--webhooks", type=click.IntRange(1), default=200, show_default=True)
def latency(webhooks: int) -> None:
    """From webhook to visible incident on an idle hub."""
    from hub.bench import latency as measured

    for line in measured.run(webhooks):
        click.echo(line)


@bench.command()
def scale() -> None:
    """What two processes of each gain over one.

    Accepting alone, then working off, on one machine that also carries Postgres and who sends the load.
    """
    from hub.bench import scale as measured

    for line in measured.run():
        click.echo(line)


@bench.command()
@click.option(
    "--webhooks", type=click.IntRange(100), default=20_000, show_default=True, help="Of each of the two loads."
)
@click.option("--keys", type=click.IntRange(1), default=40, show_default=True, help="Dedup keys of the storm.")
@click.option("--connections", type=click.IntRange(1), default=32, show_default=True)
def storm(webhooks: int, keys: int, connections: int) -> None:
    """One organization floods the hub: what do others notice?

    First a storm of few alerts that fire again and again, then a herd of as many unique ones. Exits with 1 when
    something is lost or doubled, or the neighbour waits too long.
    """
    from hub.bench import storm as measured

    raise SystemExit(0 if measured.run(webhooks, keys, connections, click.echo) else 1)


@bench.command()
@click.option("--rows", type=click.IntRange(10), default=100_000, show_default=True, help="Alerts, and incidents.")
def lists(rows: int) -> None:
    """What a page of a long list takes, by every filter."""
    from hub.bench import lists as measured

    for line in measured.run(rows):
        click.echo(line)


@bench.command()
@click.argument("sizes", nargs=-1, type=click.IntRange(10))
def growth(sizes: tuple[int, ...]) -> None:
    """Whether an alert costs more, the more are stored.

    SIZES are how many are stored before, one after the other: 1,000 and 100,000 unless told.
    """
    if list(sizes) != sorted(set(sizes)):
        raise click.BadParameter("each has to be larger than the one before.", param_hint="SIZES")
    from hub.bench import growth as measured

    for line in measured.run(sizes or (1_000, 100_000)):
        click.echo(line)


@bench.command()
@click.option("--rows", type=click.IntRange(1), default=1_000_000, show_default=True, help="Alerts in the table.")
def migration(rows: int) -> None:
    """How long a migration holds up who writes meanwhile."""
    from hub.bench import migration as measured

    for line in measured.run(rows):
        click.echo(line)


@bench.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def correlation(folder: Path) -> None:
    """How well the alert storms of FOLDER are grouped.

    As they were, and with two faults at once; beside simple baselines, and what hindsight could do.
    """
    from hub.bench import correlation as measured

    for line in measured.run(folder):
        click.echo(line)


@bench.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--scale", type=click.IntRange(100), help="Instead: generated documents, so many at most.")
def search(folder: Path | None, scale: int | None) -> None:
    """How well and how fast runbooks are found."""
    if (folder is None) == (scale is None):
        raise click.UsageError("Give either FOLDER or --scale.")
    from hub.bench import search as measured
    from hub.bench import search_scale

    for line in measured.run(folder) if folder else search_scale.run({10, 1_000, scale or 0}):
        click.echo(line)
