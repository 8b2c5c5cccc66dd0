"""Embedder: text in, unit vectors out; MiniLM is the one that ships with us."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from hub.search.embedding.manifest import GRAPH, VOCABULARY, Manifest
from hub.search.embedding.wordpiece import WordPiece

if TYPE_CHECKING:  # numpy and onnxruntime load with the first model, not with the first import of search
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

_BATCH_TEXTS = 32
_BATCH_PIECES = 2_048  # eight texts of full length; twice as many are no faster and take 90 MB more


class Embedder(Protocol):
    """What search needs of a model; vectors of models with different `model_id` are never compared."""

    @property
    def model_id(self) -> str:
        """Changes whenever the vectors do; stored beside each of them."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of every vector."""
        ...

    def __hash__(self) -> int:
        """What a model has said of a query is kept beside the model."""
        ...

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """One row per text, shape (len(texts), dimensions), each of length 1: a dot product is a cosine."""
        ...


class MiniLM:
    """all-MiniLM-L6-v2 on onnxruntime: English, 384 dimensions. `embed` may be called from many threads at once."""

    def __init__(self, manifest: Manifest, tokenizer: WordPiece, session: "InferenceSession") -> None:
        self.model_id = manifest.model_id
        self.dimensions = manifest.dimensions
        self._tokenizer = tokenizer
        self._session = session

    @classmethod
    def load(cls, folder: Path, threads: int = 2) -> Self:
        """Loads what `hub.search.embedding.build` left in the folder, and checks it against its hashes.

        `threads` work on one batch together. Raises Misconfigured when the model is missing or changed.
        """
        manifest = Manifest.read(folder)
        pieces = manifest.content(folder, VOCABULARY).decode().split("\n")
        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        session = open_graph(manifest.content(folder, GRAPH), threads)
        return cls(manifest, WordPiece(vocabulary, manifest.max_pieces), session)

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """As Embedder.embed; only a text's first 256 word pieces count (about 200 words)."""
        import numpy as np

        vectors = np.empty((len(texts), self.dimensions), np.float32)
        encoded = [self._tokenizer.encode(text) for text in texts]
        for rows in _batches([len(ids) for ids in encoded]):
            vectors[rows] = self._run([encoded[row] for row in rows])
        return vectors

    def _run(self, encoded: list[list[int]]) -> "NDArray[np.float32]":
        import numpy as np

        ids = np.zeros((len(encoded), max(map(len, encoded))), np.int64)
        mask = np.zeros_like(ids)
        for row, pieces in enumerate(encoded):
            ids[row, : len(pieces)] = pieces
            mask[row, : len(pieces)] = 1
        outputs: list[NDArray[np.float32]] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return outputs[0]


def open_graph(graph: bytes, threads: int) -> "InferenceSession":
    """A session on the CPU whose threads sleep between batches, for they share the machine with everything else."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows of like length together, so that little of a batch is padding."""
    rows = sorted(range(len(lengths)), key=lengths.__getitem__)
    while rows:
        size = min(_BATCH_TEXTS, max(1, _BATCH_PIECES // lengths[rows[-1]]))
        yield rows[-size:]
        del rows[-size:]
