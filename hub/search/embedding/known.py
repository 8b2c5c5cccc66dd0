"""Known answers: what shows that a model on this machine computes what its authors published."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.search.embedding.model import Embedder

# The quick start of https://sbert.net/docs/quickstart.html for all-MiniLM-L6-v2.
SENTENCES = ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")
COSINES = (0.6660, 0.1046, 0.1411)

# What the hub embeds all day; 8-bit arithmetic has to agree with 32-bit floats on it.
SAMPLES = (
    *SENTENCES,
    "Kube Pod Crash Looping. Pod is crash looping. Pod default/web-0 (web) is restarting 3.2 times / 5 minutes.",
    "etcd High Fsync Durations. etcd cluster 99th percentile fsync durations are too high.",
    "java.lang.OutOfMemoryError: Java heap space",
    "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute",
    "disk full",
    "Mitigation: cordon the node, drain it, and restart the kubelet. If that does not help, replace the node. " * 12,
)


def cosines(embedder: "Embedder") -> tuple[float, float, float]:
    """The cosines of the first and second, first and third, second and third of the published SENTENCES."""
    first, second, third = embedder.embed(SENTENCES)
    return float(first @ second), float(first @ third), float(second @ third)


def deviation(embedder: "Embedder") -> float:
    """How far the worst of the three cosines lies from the published one: 0.0001 in fp32, about 0.015 in int8."""
    return max(abs(found - published) for found, published in zip(cosines(embedder), COSINES, strict=True))
