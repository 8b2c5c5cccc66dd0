"""The models of this process: the one that embeds, loaded on its first use, and the one that it has replaced."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.contracts.connector import Connector, Http
from hub.contracts.errors import Misconfigured
from hub.search.embedding.manifest import Manifest
from hub.search.embedding.model import Embedder, MiniLM
from hub.search.embedding.remote import PluginModel
from hub.settings import Settings

_lock = threading.Lock()
_loaded: dict[Path, Embedder] = {}


def embedder(model_dir: Path) -> Embedder:
    """The embedder in this folder. Raises Misconfigured when the model is missing or changed."""
    with _lock:
        if model_dir not in _loaded:
            _loaded[model_dir] = MiniLM.load(model_dir)
        return _loaded[model_dir]


def embedder_id(model_dir: Path) -> str:
    """The id of the embedder in this folder, which need not be loaded. Raises Misconfigured when there is none."""
    loaded = _loaded.get(model_dir)
    return loaded.model_id if loaded else Manifest.read(model_dir).model_id


class Embedders:
    """The model that embeds is the operator's remote one where there is one, else the one that ships with us.

    While a new model's vectors replace those of another, the other still answers for what it has embedded: the one
    that ships with us always can, another remote one no more.
    """

    def __init__(self, own: Callable[[], Embedder], own_id: Callable[[], str], remote: Embedder | None = None) -> None:
        self._own = own
        self._own_id = own_id
        self._remote = remote

    @property
    def current_id(self) -> str:
        """The id of the model that embeds; loads nothing."""
        return self._remote.model_id if self._remote else self._own_id()

    def current(self) -> Embedder:
        """The model that embeds. Raises Misconfigured when there is none."""
        return self._remote or self._own()

    def find(self, model_id: str) -> Embedder | None:
        """A model whose vectors may still be stored; None when this process does not have it."""
        if model_id == self.current_id:
            return self.current()
        try:
            return self._own() if model_id == self._own_id() else None
        except Misconfigured:  # who has a remote model need not have built ours
            return None


def embedders(settings: Settings, connectors: Mapping[str, Connector], http: Http) -> Embedders:
    """As the operator has set them up. Raises Misconfigured for a plugin that is not there, or embeds nothing."""
    remote = _remote(settings, connectors, http) if settings.embedder_url else None
    folder = settings.model_dir
    return Embedders(lambda: embedder(folder), lambda: embedder_id(folder), remote)


def _remote(settings: Settings, connectors: Mapping[str, Connector], http: Http) -> Embedder:
    connector = connectors.get(settings.embedder)
    if connector is None or "embed" not in connector.directions:
        raise Misconfigured(f"OVERWATCH_EMBEDDER={settings.embedder}: no plugin of this name embeds.")
    config = {"base_url": settings.embedder_url.rstrip("/"), "model": settings.embedder_model}
    return PluginModel(connector, config | ({"api_key": settings.embedder_key} if settings.embedder_key else {}), http)
