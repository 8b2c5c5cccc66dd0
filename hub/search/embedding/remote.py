"""An embedding model that a plugin calls, wherever it runs; off unless the operator names an endpoint."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hub.contracts.connector import Config, Connector, Http
from hub.contracts.errors import Misconfigured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 64
_DIMENSIONS = 384  # of the index; longer vectors are cut


class PluginModel:
    """Vectors from a connector with the direction `embed`."""

    dimensions = _DIMENSIONS

    def __init__(self, connector: Connector, config: Config, http: Http) -> None:
        self.model_id = f"{config['model']}@{config['base_url']}"
        self._connector = connector
        self._config = config
        self._http = http

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """As Embedder.embed. Raises Unavailable, and Misconfigured when the endpoint refuses or answers otherwise."""
        import numpy as np

        rows = [row for start in range(0, len(texts), _BATCH) for row in self._ask(texts[start : start + _BATCH])]
        vectors = np.asarray(rows, np.float32).reshape(len(texts), _DIMENSIONS)
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)

    def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        vectors = self._connector.embed(texts, _DIMENSIONS, self._config, self._http)
        if len(vectors) != len(texts) or any(len(vector) < _DIMENSIONS for vector in vectors):
            raise Misconfigured(f"The model does not give one vector of {_DIMENSIONS} dimensions per text.")
        return [vector[:_DIMENSIONS] for vector in vectors]
