"""An embedding model behind any endpoint that speaks OpenAI's embeddings API; off unless the operator names one.

https://platform.openai.com/docs/api-reference/embeddings/create. What is indexed leaves the machine, so nothing but
the operator's setting turns it on.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hub.contracts.connector import Http
from hub.contracts.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 64
_DIMENSIONS = 384  # of the index; longer vectors are asked to be that short, and cut where the endpoint ignores it


class RemoteModel:
    """Vectors by HTTP. Only a model that was trained to be cut (Matryoshka) is any good with fewer dimensions."""

    dimensions = _DIMENSIONS

    def __init__(self, http: Http, url: str, model: str, key: str = "") -> None:
        self.model_id = f"{model}@{url.rstrip('/')}"
        self._http = http
        self._url = f"{url.rstrip('/')}/embeddings"
        self._model = model
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """As Embedder.embed. Raises Unavailable, and Misconfigured when the endpoint refuses or answers otherwise."""
        import numpy as np

        rows = [row for start in range(0, len(texts), _BATCH) for row in self._ask(texts[start : start + _BATCH])]
        vectors = np.asarray(rows, np.float32).reshape(len(texts), _DIMENSIONS)
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)

    def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        asked = {"model": self._model, "input": [text or " " for text in texts], "dimensions": _DIMENSIONS}
        answer = self._http.request("POST", self._url, headers=self._headers, body=json.dumps(asked).encode())
        if answer.status == 429 or answer.status >= 500:
            raise Unavailable(f"The embedding endpoint answers {answer.status}.")
        if answer.status != 200:
            raise Misconfigured(f"The embedding endpoint refuses with {answer.status}.")
        try:
            return _vectors(json.loads(answer.body), len(texts))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise Misconfigured(f"The embedding endpoint's answer cannot be used: {error}") from error


def _vectors(answer: Any, count: int) -> list[list[float]]:
    """In the order of the texts, each cut to the index's dimensions. Raises ValueError, TypeError, KeyError."""
    found = {int(each["index"]): [float(number) for number in each["embedding"]] for each in answer["data"]}
    vectors = [found[place][:_DIMENSIONS] for place in range(count)]
    if any(len(vector) < _DIMENSIONS for vector in vectors):
        raise ValueError(f"vectors have fewer than {_DIMENSIONS} dimensions")
    return vectors
