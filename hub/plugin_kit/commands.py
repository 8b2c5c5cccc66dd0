"""`overwatch plugins …`: what plugin authors and operators ask."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub import settings
from hub.contracts.connector import Connector
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Misconfigured, OverwatchError
from hub.contracts.event import Event
from hub.http.ids import from_public
from hub.plugin_kit import making
from hub.plugin_manager import loading, wire
from hub.plugin_manager.loading import Plugins

if TYPE_CHECKING:
    from hub.runtime import Runtime

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
    click.echo(f'Made {folder}. Next: pip install -e "./{folder}[test]" && python -m pytest {folder}')


@plugins.command("list")
def list_() -> None:
    """Show every plugin that was found, and why one is unavailable."""
    found = _load()
    for name, connector in sorted(found.connectors.items()):
        click.echo(f"{name} {connector.version} ({', '.join(sorted(connector.directions))})")
    for name, reason in sorted(found.unavailable.items()):
        click.echo(f"{name} unavailable: {reason}")
    for kind, names in (
        ("enricher", [enricher.name for enricher in found.enrichers]),
        ("watches incidents", [plugin for plugin, _ in found.observers]),
    ):
        for name in sorted(names):
            click.echo(f"{name} ({kind})")


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
@click.option("--integration", default="", help="Also show which incident they would join, in the hub that runs.")
def try_(name: str, file: Path, integration: str) -> None:
    """Show the events that connector NAME makes of the raw body in FILE, and their keys; nothing is stored."""
    body = file.read_bytes()
    if not integration:
        _show(_connector(_load(), name).normalise(Delivery(body=body), {}), {})
        return
    from hub.plugin_kit import rehearsing

    found = rehearsing.rehearse(_runtime(), from_public("int", integration), body, {})
    _show(found.events, found.places)


def _show(events: list[Event], places: Mapping[str, str]) -> None:
    for event in events:
        (told,) = wire.from_events([event])
        click.echo(json.dumps({field: value for field, value in told.items() if value}, indent=1, ensure_ascii=False))
        click.echo(f"dedup key: {event.dedup_key}")
        click.echo(f"incident: {places.get(event.dedup_key, 'known only with --integration, in a hub that runs')}")


@plugins.command()
@click.argument("integration")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path("fixtures"), show_default=True)
@click.option("--last", type=click.IntRange(1, 100), default=1, show_default=True, help="How many deliveries.")
def capture(integration: str, into: Path, last: int) -> None:
    """Write the last deliveries of INTEGRATION (int_…) as fixtures, with the events that they give now."""
    from hub.plugin_kit import capturing

    runtime = _runtime()
    into.mkdir(parents=True, exist_ok=True)
    for path in capturing.capture(runtime, from_public("int", integration), into, last):
        click.echo(f"Wrote {path}. Look through it for what is nobody's business before you keep it.")


@plugins.command()
def doctor() -> None:
    """Show versions, what does not load, and how each integration fares; no secret and no payload."""
    from hub.plugin_kit import examining

    for line in examining.report(_runtime()):
        click.echo(line)


def _runtime() -> "Runtime":
    from hub.runtime import assemble

    made = assemble(settings.from_env())
    click.get_current_context().call_on_close(made.plugins.close)
    return made


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
