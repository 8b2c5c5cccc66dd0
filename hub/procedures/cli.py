"""`overwatch procedures …`."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from hub.procedures.rules import OUTCOMES

_ADDRESS = click.option(
    "--url", default="http://127.0.0.1:8000", show_default=True, envvar="OVERWATCH_URL", help="Address of the hub."
)
_KEY = click.option(
    "--api-key", required=True, envvar="OVERWATCH_API_KEY", help="A key that may create and update procedures."
)


@click.group()
def procedures() -> None:
    """Runbooks."""


@procedures.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@_ADDRESS
@_KEY
def import_folder(path: Path, url: str, api_key: str) -> None:
    """Import the Markdown runbooks of a folder, or of one file; again, and only what has changed is changed."""
    from hub.client import Client
    from hub.procedures import folders

    files = folders.runbooks(path)
    done: list[dict[str, Any]] = []
    with click.progressbar(length=len(files), label=f"{len(files)} runbooks") as bar:
        for batch in folders.upload(Client(url, api_key=api_key), path, files):
            done += batch
            bar.update(len(batch))
    refused = [each for each in done if each["outcome"] == "refused"]
    for each in refused:
        click.echo(f"{each['path']}: refused: {each['reason']}", err=True)
    counts = Counter(each["outcome"] for each in done)
    click.echo(", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES))
    raise SystemExit(1 if refused else 0)
