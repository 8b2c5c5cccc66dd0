"""Routes of /search."""

from pathlib import Path

from flask import Flask

from hub.http.blueprint import JsonBlueprint

blp = JsonBlueprint("search", __name__, url_prefix="/api/v1/search", description="Search by meaning")


def install(app: Flask, model_dir: Path) -> None:
    """Tells the app where its model is."""
    app.extensions["overwatch.model_dir"] = model_dir
