"""Connector: a plugin's translation of one platform, and what it gets and gives besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from hub.contracts.delivery import Delivery
from hub.contracts.errors import Unsupported
from hub.contracts.event import Event

API_LEVEL = 1

Config = Mapping[str, Any]
Direction = Literal["webhook", "poll", "notify", "embed", "draft"]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of a platform's API: `body` is the raw bytes, `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """The only way out: addresses are checked, redirects stay on the host, size and time are capped."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Sends one request. Raises Unavailable when no answer comes in time, Misconfigured for a refused address."""
        ...


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll found since `cursor`, and the cursor for the next one (opaque to the hub, JSON-serialisable)."""

    events: list[Event]
    cursor: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether the credentials work; `missing` names the permissions that they lack."""

    ok: bool
    detail: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A change to tell a platform. `id` is stable over retries: receivers deduplicate by it.

    `alerts` are the dedup keys of the incident's alerts that this very integration has sent: what is acknowledged or
    resolved here can be acknowledged or resolved there, and the platform need not be told of what it knows.
    """

    id: str
    kind: str
    incident: Mapping[str, Any]
    change: Mapping[str, Any] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's answer to a notice; `reference` is its own id of what it made, for later updates."""

    reference: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An incident that no procedure fits: `text` is what its alerts say."""

    title: str
    text: str
    service: str
    severity: str


class Connector:
    """Base of every connector: set the attributes, override only what the directions need.

    `config_schema` is a JSON Schema (object); `format: secret` marks what is encrypted, redacted and write-only.
    `signing_secret` names the config field with the signing secret, if the platform signs: when an integration has
    it set, `verify` must pass; otherwise the token of the webhook URL is the proof. While a secret is rotated the hub
    calls `verify` once with each config. `setup_guide` is for operators; the hub puts the address for `{webhook_url}`.
    `installs` says that `install` can do the set-up for them.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str] = "1.0.0"
    requires_api: ClassVar[str] = ">=1,<2"
    directions: ClassVar[frozenset[Direction]] = frozenset({"webhook"})
    config_schema: ClassVar[Mapping[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}
    signing_secret: ClassVar[str | None] = None
    repeats_on_purpose: ClassVar[bool] = False
    installs: ClassVar[bool] = False
    setup_guide: ClassVar[str] = ""
    sample_body: ClassVar[str] = ""

    def verify(self, delivery: Delivery, config: Config) -> None:
        """Checks the sender's signature over the raw bytes. Raises Untrusted. Called only when a secret is set."""

    def delivery_key(self, delivery: Delivery) -> str | None:
        """The sender's own id of this attempt, equal over its retries. Raises nothing: bodies it cannot read have none.

        None: the hub takes a hash of the body within 5 minutes, or stores every delivery when `repeats_on_purpose`.
        """
        return None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        """The events of a delivery, 0…n. Pure: no network, no clock, no I/O. Raises Malformed or Unsupported."""
        raise Unsupported("no_webhook")

    def confirm(self, delivery: Delivery, config: Config, http: Http) -> Receipt:
        """Tells the platform that it may send here, when `normalise` has raised Unconfirmed; twice does no harm.

        The delivery may be a stranger's: prove it before the first call. Raises Untrusted, Misconfigured, Unavailable.
        """
        raise Unsupported("no_confirm")

    def poll(self, config: Config, cursor: dict[str, Any], http: Http) -> PollResult:
        """What happened since `cursor` ({} at first). No gap, no double. Raises Unavailable or Misconfigured."""
        raise Unsupported("no_poll")

    def check(self, config: Config, http: Http) -> CheckResult:
        """Calls the platform to prove the credentials."""
        return CheckResult(ok=True, detail="This platform pushes to the hub; there is nothing to call.")

    def install(self, config: Config, webhook_url: str, http: Http) -> Receipt:
        """Sets up the platform's side so that it sends to this address; done again it changes the address.

        Raises Unavailable, or Misconfigured naming the permission that lacks.
        """
        raise Unsupported("no_install")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        """Tells the platform. Raises Unavailable to be called again later with the same notice."""
        raise Unsupported("no_notify")

    def embed(self, texts: Sequence[str], dimensions: int, config: Config, http: Http) -> list[list[float]]:
        """One vector per text, of so many dimensions or more. Raises Unavailable or Misconfigured."""
        raise Unsupported("no_embed")

    def draft(self, trouble: Trouble, config: Config, http: Http) -> str:
        """A procedure in Markdown; people read it before anybody uses it. Raises Unavailable or Misconfigured."""
        raise Unsupported("no_draft")
