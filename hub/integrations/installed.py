"""What the running app has: its connectors and the vault of their secrets."""

from collections.abc import Mapping
from typing import cast

from flask import Flask, current_app

from hub.contracts.connector import Connector
from hub.integrations.vault import Vault


def install(app: Flask, installed: Mapping[str, Connector], vault: Vault) -> None:
    """Gives them to the app."""
    app.extensions["overwatch.connectors"] = installed
    app.extensions["overwatch.vault"] = vault


def connectors() -> Mapping[str, Connector]:
    """The connectors by platform."""
    return cast(Mapping[str, Connector], current_app.extensions["overwatch.connectors"])


def vault() -> Vault:
    """The vault."""
    return cast(Vault, current_app.extensions["overwatch.vault"])
