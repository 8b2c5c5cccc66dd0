"""Generated documents for the benchmark of scale: texts of common and rare words, vectors that lie as real ones do."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub import names
from hub.search.embedding.model import Embedder
from hub.search.vectors import as_halfvec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_THINGS = (
    "api broker cache certificate checkout cluster container cpu database deployment disk dns endpoint etcd filesystem"
    " gateway index ingress job kafka kubelet latency ledger load lock memory network node partition payment pod pool"
    " postgres prometheus proxy queue quota rabbit redis replica request runner scheduler search secret service session"
    " shard snapshot socket storage stream target thread token traffic volume vault webhook worker zone"
)
_TROUBLES = (
    "absent behind blocked broken corrupt crashing degraded delayed denied down dropped exhausted expired expiring"
    " failing filling flapping full growing high hung inconsistent invalid lagging leaking looping lost low mismatched"
    " missing overloaded pending refused rejected restarting saturated slow stale stuck throttled timeout unavailable"
    " unbalanced unhealthy unreachable unready unschedulable"
)
_SAID = (
    "after alert again all and before below check cluster connection error errors failed for from has have in instance"
    " is last limit logs minutes more new no node not of on over percent pod rate requests restart running since"
    " startup than the threshold times to too usage value version waiting was when which with"
)

_MOST_BASES = 3_000
_BODY_WORDS = 28
_NOISE = 0.55  # of a vector's length: documents of one base then have a cosine of about 0.77, as siblings really have


@dataclass(frozen=True, slots=True)
class Text:
    """A document's title and what it says."""

    title: str
    body: str

    @property
    def whole(self) -> str:
        """As chunks have it."""
        return f"{self.title}: {self.body}"


class Corpus:
    """The same for the same seed and size: `most` documents. Embeds up to some thousand texts when it is made."""

    def __init__(self, model: Embedder, most: int, seed: int = 1) -> None:
        import numpy as np

        self._chance = random.Random(seed)  # noqa: S311  # texts, not secrets
        self._noise = np.random.default_rng(seed)
        self.bases = [self._text() for _ in range(min(most, _MOST_BASES))]
        self._titles = model.embed([names.split(base.title) for base in self.bases])
        self._wholes = model.embed([names.split(base.whole) for base in self.bases])

    def documents(self, count: int) -> Iterator[tuple[Text, Sequence[str]]]:
        """Texts, each with the vectors of its two chunks as Postgres reads them: the title alone, and the whole."""
        for number in range(count):
            place = number % len(self.bases)
            base = self.bases[place]
            rare = f"{base.body} instance host-{number:06d}"
            vectors = [as_halfvec(self._near(each[place])) for each in (self._titles, self._wholes)]
            yield Text(base.title, rare), vectors

    def queries(self, count: int) -> list[str]:
        """What people would ask: a few words of a document."""
        chosen = (self._chance.choice(self.bases) for _ in range(count))
        return [" ".join([names.split(base.title), *self._chance.sample(base.body.split(), 6)]) for base in chosen]

    def _near(self, vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
        import numpy as np

        noise = self._noise.normal(size=vector.shape).astype(np.float32)
        moved = vector + _NOISE * noise / np.linalg.norm(noise)
        return np.asarray(moved / np.linalg.norm(moved), np.float32)

    def _text(self) -> Text:
        chance = self._chance
        things, troubles, words = _THINGS.split(), _TROUBLES.split(), _SAID.split()
        thing, other, trouble = chance.choice(things), chance.choice(things), chance.choice(troubles)
        said = chance.choices(words, k=_BODY_WORDS - 8) + chance.choices(things, k=6) + chance.choices(troubles, k=2)
        chance.shuffle(said)
        return Text(f"{thing.title()}{other.title()}{trouble.title()}", " ".join(said))
