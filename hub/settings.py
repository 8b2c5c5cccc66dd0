"""Settings: one frozen dataclass, read from the environment once; nobody else reads the environment."""

import hashlib
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from hub.contracts.errors import Misconfigured

Registration = Literal["open", "invite", "closed"]
LogFormat = Literal["text", "json"]

_LONGEST_SOCKET_FOLDER = 80  # a unix socket's path holds 107 bytes, and Postgres appends its file name
_WEAKEST_KEY_BYTES = 32
_ROTATION_SETTLES_SECONDS = 600
_REGISTRATIONS = ("open", "invite", "closed")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What nobody may know; made with `secrets` on first start and kept 0600 in the data folder."""

    access_token_key: str
    refresh_token_key: str
    encryption_key: str
    superuser_password: str
    owner_password: str
    app_password: str
    broker_password: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can choose; each field says its environment variable in the README's settings table."""

    data_dir: Path
    secrets: Secrets
    database_url: str
    owner_database_url: str
    broker_url: str
    embedded: bool
    model_dir: Path
    registration: Registration = "open"
    public_url: str = ""
    port: int = 8000
    plugins: str = ""
    plugins_dir: Path | None = None
    trusted_proxies: int = 0
    rate_limit_url: str = ""
    auth_requests_per_minute: int = 30
    plans: str = ""
    smtp_url: str = ""
    mail_from: str = "Overwatch <overwatch@localhost>"
    egress_allow: str = ""
    api_threads: int = 24
    log_level: str = "INFO"
    log_format: LogFormat = "text"
    otlp_endpoint: str = ""
    trace_ratio: float = 1.0
    metrics_token: str = ""
    old_encryption_keys: tuple[str, ...] = ()
    has_own_encryption_key: bool = False
    embedder: str = "openai"
    embedder_url: str = ""
    embedder_model: str = ""
    embedder_key: str = ""

    @property
    def api_address(self) -> str:
        """Where people reach the API; what mails name."""
        return f"{self.public_url or f'http://localhost:{self.port}'}/api/v1"

    @property
    def secrets_file(self) -> Path:
        """Where the data folder keeps what nobody may know."""
        return self.data_dir / "secrets.json"

    @property
    def socket_folder(self) -> Path:
        """Where the embedded Postgres listens."""
        return socket_folder(self.data_dir)


def from_env(data_dir: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads OVERWATCH_… and the data folder's secrets, making both on first use. Raises Misconfigured."""
    folder = (data_dir or Path(environ.get("OVERWATCH_DATA", ".overwatch"))).absolute()
    kept = _load_or_make_secrets(folder, environ)
    url = environ.get("OVERWATCH_DATABASE_URL", "")
    broker = environ.get("OVERWATCH_BROKER_URL", "")
    if url and not broker:
        raise Misconfigured(
            "OVERWATCH_DATABASE_URL is set, so no embedded Postgres runs that could be the broker: "
            "set OVERWATCH_BROKER_URL too (redis://… or amqp://…)."
        )
    return Settings(
        data_dir=folder,
        secrets=kept,
        database_url=_with_driver(url) or _embedded_url(folder, "overwatch_app", kept.app_password, "overwatch"),
        owner_database_url=_with_driver(environ.get("OVERWATCH_OWNER_DATABASE_URL", url))
        or _embedded_url(folder, "overwatch_owner", kept.owner_password, "overwatch"),
        broker_url=broker or _embedded_broker_url(folder, kept.broker_password),
        embedded=not url,
        model_dir=Path(environ.get("OVERWATCH_MODEL_DIR", Path(sys.prefix, "share", "overwatch", "model"))),
        registration=_registration(environ.get("OVERWATCH_REGISTRATION", "open")),
        public_url=environ.get("OVERWATCH_PUBLIC_URL", "").rstrip("/"),
        port=_whole_number(environ, "OVERWATCH_PORT", 8000),
        plugins=environ.get("OVERWATCH_PLUGINS", ""),
        plugins_dir=Path(environ["OVERWATCH_PLUGINS_DIR"]) if environ.get("OVERWATCH_PLUGINS_DIR") else None,
        trusted_proxies=_whole_number(environ, "OVERWATCH_TRUSTED_PROXIES", 0),
        rate_limit_url=environ.get("OVERWATCH_RATELIMIT_URL", ""),
        auth_requests_per_minute=_whole_number(environ, "OVERWATCH_AUTH_REQUESTS_PER_MINUTE", 30),
        plans=environ.get("OVERWATCH_PLANS", ""),
        smtp_url=environ.get("OVERWATCH_SMTP_URL", ""),
        mail_from=environ.get("OVERWATCH_MAIL_FROM", "Overwatch <overwatch@localhost>"),
        egress_allow=environ.get("OVERWATCH_EGRESS_ALLOW", ""),
        api_threads=_whole_number(environ, "OVERWATCH_API_THREADS", 24),
        log_level=environ.get("OVERWATCH_LOG_LEVEL", "INFO").upper(),
        log_format=_log_format(environ.get("OVERWATCH_LOG_FORMAT", "text")),
        otlp_endpoint=environ.get("OVERWATCH_OTLP_ENDPOINT", "").rstrip("/"),
        trace_ratio=_fraction(environ, "OVERWATCH_TRACE_RATIO", 1.0),
        metrics_token=environ.get("OVERWATCH_METRICS_TOKEN", ""),
        old_encryption_keys=tuple(filter(None, environ.get("OVERWATCH_OLD_ENCRYPTION_KEYS", "").split(","))),
        has_own_encryption_key="OVERWATCH_ENCRYPTION_KEY" in environ,
        embedder=environ.get("OVERWATCH_EMBEDDER", "openai"),
        embedder_url=environ.get("OVERWATCH_EMBEDDER_URL", ""),
        embedder_model=environ.get("OVERWATCH_EMBEDDER_MODEL", ""),
        embedder_key=environ.get("OVERWATCH_EMBEDDER_KEY", ""),
    )


def keep_secrets(folder: Path, given: Mapping[str, str]) -> None:
    """Puts these secrets into a data folder that has none yet; what they leave out is made on first use."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_private(folder / "secrets.json", json.dumps(given, indent=1))


def socket_folder(data_dir: Path) -> Path:
    """The folder of the embedded Postgres' socket: in the data folder, or in a short one when that path is too long."""
    folder = data_dir / "run"
    if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"overwatch-{os.geteuid()}-{digest}")


def rotate_encryption_key(settings: Settings) -> None:
    """A new key in the data folder; the old ones still unlock. Raises Misconfigured where the environment gives it."""
    if settings.has_own_encryption_key:
        raise Misconfigured(
            "OVERWATCH_ENCRYPTION_KEY gives the key: set a new one there, the old one in OVERWATCH_OLD_ENCRYPTION_KEYS."
        )
    path = settings.secrets_file
    kept = json.loads(path.read_text())
    kept["old_encryption_keys"] = [kept["encryption_key"], *kept.get("old_encryption_keys", ())]
    kept["encryption_key"] = secrets.token_urlsafe(32)
    _write_private(path, json.dumps(kept, indent=1))


def forget_encryption_keys(settings: Settings, used_of: Callable[[Sequence[str]], Collection[str]]) -> int:
    """Takes the old keys that lock nothing any more out of the data folder; how many.

    `used_of` gives those of the keys that the database needs. Raises Misconfigured within minutes of a
    rotation, because a request that began before it may still lock with the old key.
    """
    path = settings.secrets_file
    if time.time() - path.stat().st_mtime < _ROTATION_SETTLES_SECONDS:
        raise Misconfigured("The key was changed minutes ago: what was locked just before may need the old one yet.")
    old = json.loads(path.read_text()).get("old_encryption_keys", [])
    unused = set(old) - set(used_of(old))
    kept = json.loads(path.read_text())  # again, for somebody may have rotated it meanwhile
    needed = [key for key in kept.get("old_encryption_keys", ()) if key not in unused]
    if unused:
        _write_private(path, json.dumps(kept | {"old_encryption_keys": needed}, indent=1))
    return len(unused)


def _load_or_make_secrets(folder: Path, environ: Mapping[str, str]) -> Secrets:
    path = folder / "secrets.json"
    names = [field.name for field in fields(Secrets)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = json.loads(path.read_text()) if path.exists() else {}
        missing = {name: secrets.token_urlsafe(32) for name in names if name not in kept}
        if missing:
            kept |= missing
            _write_private(path, json.dumps(kept, indent=1))
    except OSError as error:
        raise Misconfigured(
            f"Cannot keep secrets in {folder}: {error.strerror}. Choose another folder with --data."
        ) from error
    given = {name: environ.get(f"OVERWATCH_{name.upper()}", kept[name]) for name in names}
    for name, value in given.items():
        _refuse_weak(name, value)
    return Secrets(**given)


def _write_private(path: Path, text: str) -> None:
    """Writes so that a crash leaves the old file or the new one, readable by this user only."""
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _refuse_weak(name: str, value: str) -> None:
    if name.endswith("_key") and (len(value.encode()) < _WEAKEST_KEY_BYTES or len(set(value)) < 8):
        raise Misconfigured(
            f"OVERWATCH_{name.upper()} is too weak: give at least {_WEAKEST_KEY_BYTES} random bytes, "
            "for example from `openssl rand -base64 48`, or unset it and the hub makes one."
        )


def _embedded_url(folder: Path, role: str, password: str, database: str) -> str:
    host = quote(str(socket_folder(folder)), safe="")
    return f"postgresql+psycopg://{role}:{password}@/{database}?host={host}&port=5432"


def _embedded_broker_url(folder: Path, password: str) -> str:
    return f"pgmq://overwatch_broker:{password}@{quote(str(socket_folder(folder)), safe='')}/overwatch_broker"


def _with_driver(url: str) -> str:
    """Postgres' own URL forms name no driver; SQLAlchemy wants psycopg 3 named."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme in {"postgres", "postgresql"} else url


def _registration(text: str) -> Registration:
    for known in _REGISTRATIONS:
        if text == known:
            return known  # type: ignore[return-value]  # a member of the tuple is one of the literals
    raise Misconfigured(f"OVERWATCH_REGISTRATION={text!r}: choose one of {', '.join(_REGISTRATIONS)}.")


def _log_format(text: str) -> LogFormat:
    if text not in {"text", "json"}:
        raise Misconfigured(f"OVERWATCH_LOG_FORMAT={text!r}: choose text or json.")
    return "json" if text == "json" else "text"


def _fraction(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, str(default))
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found <= 1:
        raise Misconfigured(f"{name}={text!r}: give a number from 0 to 1.")
    return found


def _whole_number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, str(default))
    if not text.isdecimal():
        raise Misconfigured(f"{name}={text!r}: give a whole number.")
    return int(text)
