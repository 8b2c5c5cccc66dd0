"""`overwatch bench …`."""

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
    """Kill busy processes under load, and show that nothing is lost or doubled."""
    from hub.bench import chaos as measured

    report = measured.run(webhooks, kills, seed, rate)
    for line in report.lines():
        click.echo(line)
    raise SystemExit(0 if report.is_good else 1)


@bench.command()
def ingest() -> None:
    """Accepted webhooks, alerts to the end, latency and CPU, beside the floor of the same run."""
    from hub.bench import ingest as measured

    for line in measured.run():
        click.echo(line)
