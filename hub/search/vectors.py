"""Vectors: as Postgres reads them, and each text's own, embedded only where nobody has embedded it before."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.search.embedding.model import Embedder

if TYPE_CHECKING:
    import numpy as np

_KNOWN = text(
    "SELECT DISTINCT ON (text_hash) text_hash, embedding::text AS vector FROM chunks"
    " WHERE organization_id = :organization_id AND model = :model AND text_hash = ANY(:hashes)"
)


def stored_or_embedded(session: Session, model: Embedder, texts: Sequence[str]) -> dict[str, str]:
    """Each text's vector as Postgres writes it: the stored one where the text is known, else a new one."""
    by_hash = {hashlib.sha256(each.encode()).digest(): each for each in texts}
    told = {"organization_id": organization_of(session), "model": model.model_id, "hashes": list(by_hash)}
    known = session.execute(_KNOWN, told)
    vectors = {by_hash[bytes(row.text_hash)]: str(row.vector) for row in known}
    fresh = [each for each in by_hash.values() if each not in vectors]
    if fresh:
        vectors |= {each: as_halfvec(row) for each, row in zip(fresh, model.embed(fresh), strict=True)}
    return vectors


@lru_cache(maxsize=256)
def of_query(model: Embedder, query: str) -> str:
    """A query's vector as pgvector reads it; incidents and people ask the same again and again."""
    return as_halfvec(model.embed([query])[0])


def as_halfvec(vector: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> str:
    """The vector as pgvector reads it."""
    return f"[{','.join(['%.5g'] * len(vector)) % tuple(vector.tolist())}]"
