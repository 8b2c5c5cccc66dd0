"""The testing kit for connectors: what the bundled ones must pass, anybody's can be held to.

    class TestAcme(ConnectorTests):
        connector = Acme()
        folder = Path(__file__).parent  # has README.md and fixtures/
        config = {"region": "eu"}  # any config that fits the schema; {} when there is none

That is all: pytest finds the tests in the base class. A connector with a `signing_secret` derives from
SignedConnectorTests and adds `sign`, which signs a body as the platform does. One that polls derives from PollTests
too, and adds `answer`; one that only notifies derives from NotifierTests. Who calls the platform says in `credentials`
with which config.

A fixture is `fixtures/<event>-<state>.json`; the state is firing, acknowledged, resolved, mixed (several in one body),
empty (a good body of no events), ignored or malformed. Fixtures of one `<event>` are states of the same alerts and must
share their dedup keys:

    {"headers": {"content-type": "application/json"},
     "body": {"id": 7, "state": "open"},
     "expected": [{"title": "…", "state": "firing", "severity": "high", "dedup_key": "7"}]}

`body` is the JSON value that is sent, or a text that is sent as it is (a form). `received_at` (RFC 3339) may set the
time of arrival. `expected` lists the events in order; each says at least title, state, severity and dedup_key; every
further field that it names must be equal (labels and annotations as objects, links as {title: url}, times as RFC 3339).
A body without events expects {"error": "ignored", "message": "…"} or {"error": "malformed", "message": "…"} instead.
"""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("declaration", "translation", "robustness", "signatures", "calling"))
)

from hub.contracts.testing.calling import (  # noqa: E402  # rewriting must be asked for first
    CredentialTests,
    Platform,
    PollTests,
    TellingTests,
    answering,
)
from hub.contracts.testing.declaration import DeclarationTests  # noqa: E402
from hub.contracts.testing.events import problems_of  # noqa: E402
from hub.contracts.testing.robustness import RobustnessTests  # noqa: E402
from hub.contracts.testing.signatures import SignatureTests, UnsignedTests  # noqa: E402
from hub.contracts.testing.translation import TranslationTests  # noqa: E402

__all__ = [
    "ConnectorTests",
    "NotifierTests",
    "Platform",
    "PollTests",
    "SignedConnectorTests",
    "answering",
    "problems_of",
]


class ConnectorTests(DeclarationTests, TranslationTests, RobustnessTests, CredentialTests, UnsignedTests):
    """Derive from it for a platform that proves itself by the token of the webhook's address."""


class SignedConnectorTests(DeclarationTests, TranslationTests, RobustnessTests, CredentialTests, SignatureTests):
    """Derive from it for a platform that signs what it sends."""


class NotifierTests(DeclarationTests, TellingTests):
    """Derive from it for a connector that only notifies: no fixtures are needed."""
