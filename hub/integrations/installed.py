"""What the running app has: its connectors, the vault of their secrets, the way out."""

from collections.abc import Mapping
from typing import cast

from flask import Flask, current_app

from hub.contracts.connector import Connector, Http
from hub.integrations.vault import Vault


def install(app: Flask, installed: Mapping[str, Connector], vault: Vault, http: Http) -> None:
    """Gives them to the app; `http` is its only way out."""
    app.extensions["overwatch.connectors"] = installed
    app.extensions["overwatch.vault"] = vault
    app.extensions["overwatch.http"] = http


def connectors() -> Mapping[str, Connector]:
    """The connectors by platform."""
    return cast(Mapping[str, Connector], current_app.extensions["overwatch.connectors"])


def vault() -> Vault:
    """The vault."""
    return cast(Vault, current_app.extensions["overwatch.vault"])


def http() -> Http:
    """The only way out."""
    return cast(Http, current_app.extensions["overwatch.http"])
