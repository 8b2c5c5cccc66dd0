"""`overwatch plugins …`: what plugin authors and operators ask."""

import json
import re
import time
from pathlib import Path

import click

from hub import settings
from hub.contracts.connector import Connector
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Misconfigured, OverwatchError
from hub.plugin_kit import making
from hub.plugin_manager import loading, wire
from hub.plugin_manager.loading import Plugins

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


@click.group()
def plugins() -> None:
    """Write, check and try connectors."""


@plugins.command()
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where it is made.")
def new(name: str, into: Path) -> None:
    """Make a package NAME that installs, with a connector, fixtures and tests."""
    if not _NAME.fullmatch(name):
        raise Misconfigured(f"{name!r}: a name is lower-case letters, digits and _, and begins with a letter.")
    folder = making.make(name, into)
    click.echo(f"Made {folder}. Next: pip install -e {folder} && pytest {folder}")


@plugins.command("list")
def list_() -> None:
    """Show every plugin that was found, and why one is unavailable."""
    found = _load()
    for name, connector in sorted(found.connectors.items()):
        click.echo(f"{name} {connector.version} ({', '.join(sorted(connector.directions))})")
    for name, reason in sorted(found.unavailable.items()):
        click.echo(f"{name} unavailable: {reason}")


@plugins.command()
@click.argument("name")
def check(name: str) -> None:
    """Load connector NAME as the hub would, and translate its sample."""
    connector = _connector(_load(), name)
    began = time.perf_counter()
    events = _sample_events(connector)
    milliseconds = (time.perf_counter() - began) * 1_000
    click.echo(f"{name} {connector.version} loads; its sample gives {len(events)} events in {milliseconds:.1f} ms.")


@plugins.command("try")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def try_(name: str, file: Path) -> None:
    """Show the events that connector NAME makes of the raw body in FILE; nothing is stored."""
    connector = _connector(_load(), name)
    for event in connector.normalise(Delivery(body=file.read_bytes()), {}):
        (told,) = wire.from_events([event])
        click.echo(json.dumps({field: value for field, value in told.items() if value}, indent=1, ensure_ascii=False))


def _load() -> Plugins:
    chosen = settings.from_env()
    found = loading.load(chosen.plugins, chosen.plugins_dir, chosen.data_dir)
    click.get_current_context().call_on_close(found.close)
    return found


def _connector(found: Plugins, name: str) -> Connector:
    if name in found.unavailable:
        raise Misconfigured(f"{name} is unavailable: {found.unavailable[name]}")
    if name not in found.connectors:
        raise Misconfigured(f"{name} is not installed; installed are: {', '.join(sorted(found.connectors))}.")
    return found.connectors[name]


def _sample_events(connector: Connector) -> list[object]:
    if "webhook" not in connector.directions:
        return []
    try:
        return [*connector.normalise(Delivery(body=connector.sample_body.encode()), {})]
    except OverwatchError as error:
        raise Misconfigured(f"{connector.name}: sample_body is refused: {error}") from error
