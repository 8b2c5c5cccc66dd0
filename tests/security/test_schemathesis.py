"""schemathesis, with all its checks and phases, as each role: no crash, nothing that the document does not say."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.settings import Settings
from tests.factories import Hub
from tests.served import serving

pytest.importorskip("schemathesis")

EVERY_PHASE = "examples,coverage,fuzzing,stateful"
WITHOUT_COVERAGE = "examples,fuzzing,stateful"

# the long enumeration of edge cases is for who may do everything and for who may do nothing: the roles between them
# differ in what they are refused
PHASES = {
    "owner": EVERY_PHASE,
    "admin": WITHOUT_COVERAGE,
    "manager": WITHOUT_COVERAGE,
    "engineer": WITHOUT_COVERAGE,
    "viewer": WITHOUT_COVERAGE,
    "nobody": EVERY_PHASE,
}
SEED = 20_261_123

# each would end the credential that all other operations are tried with; nobody tries them too
ENDS_THE_CALLER = (
    *("log_out", "change_password", "end_session", "revoke_sessions_of_user", "reset_password_of_user"),
    *("change_user", "deactivate_user", "change_member", "remove_member", "delete_organization"),
)


@pytest.fixture(scope="module")
def address(hub_settings: Settings) -> Iterator[str]:
    with serving(hub_settings) as found:
        yield found


@pytest.mark.parametrize("role", PHASES)
def test_role_finds_nothing_that_the_document_does_not_say(hub: Hub, address: str, role: str, tmp_path: Path):
    owner = hub.register()
    who = owner if role in {"owner", "nobody"} else owner.colleague(role)
    headers = [] if role == "nobody" else ["--header", f"Authorization: Bearer {who.token}"]
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(with_one_credential(hub.http.get("/openapi.json").json)))
    command = [
        *(
            Path(sys.executable).with_name("schemathesis"),
            "--config-file",
            Path(__file__).with_name("schemathesis.toml"),
        ),
        *("run", described, "--url", address, "--seed", str(SEED), "--no-color", "--phases", PHASES[role], *headers),
        *(option for name in ENDS_THE_CALLER if headers for option in ("--exclude-operation-id", name)),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=900)
    assert done.returncode == 0, "\n".join(line[:300] for line in done.stdout.splitlines())


def with_one_credential(described: dict[str, Any]) -> dict[str, Any]:
    """schemathesis fills in every scheme it knows, and two credentials in one request are refused (api.md)."""
    del described["components"]["securitySchemes"]["apiKey"]
    for operation in (one for methods in described["paths"].values() for one in methods.values()):
        operation["security"] = [scheme for scheme in operation["security"] if "apiKey" not in scheme]
    return described
