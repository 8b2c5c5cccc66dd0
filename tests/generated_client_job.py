"""The main job, done with the client that openapi-python-client has made; run by that client's own interpreter.

Arguments: the folder of the package `overwatch_client`, and the hub's address.
"""

import sys
import time
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, sys.argv[1])

from overwatch_client import AuthenticatedClient, Client
from overwatch_client.api.deliveries import receive_webhook
from overwatch_client.api.incidents import change_incident, get_incident, list_incidents
from overwatch_client.api.integrations import create_integration
from overwatch_client.api.registration import register
from overwatch_client.api.search import query
from overwatch_client.models import IncidentPatch, IntegrationInput, Query, Register

ALERT = {
    "status": "firing",
    "labels": {"alertname": "DiskAlmostFull", "severity": "critical", "service": "checkout"},
    "annotations": {"summary": "The disk of db-1 is almost full"},
    "startsAt": "2026-01-05T10:00:00Z",
    "fingerprint": "a1",
}
PATIENCE_SECONDS = 60


def wait_for(find):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := find()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.1)
    return found


address = sys.argv[2]
account = Register(email="ada@clients.example", password="Correct-horse-1", name="Ada", organization="Clients")
tokens = register.sync(client=Client(address), body=account)
client = AuthenticatedClient(address, tokens.access_token)

wanted = IntegrationInput(platform="alertmanager", name="Production")
integration = create_integration.sync(client=client, body=wanted).data
token = parse_qs(urlsplit(integration.webhook_url).query)["token"][0]

body = {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "hub", "alerts": [ALERT]}
receipt = receive_webhook.sync("alertmanager", integration.id, client=Client(address), body=body, token=token)
assert not receipt.data.duplicate

(incident,) = wait_for(lambda: list_incidents.sync(client=client, status="open", sort="-created_at").data)
assert (incident.service, incident.severity.value) == ("checkout", "critical")

solved = {"summary": "Removed old write-ahead logs", "root_cause": "The archive command had been failing"}
patch = IncidentPatch.from_dict({"status": "resolved", "resolution": solved})
assert change_incident.sync(incident.id, client=client, body=patch).data.status.value == "resolved"
assert get_incident.sync(incident.id, client=client).data.resolution.summary == solved["summary"]

found = wait_for(lambda: query.sync(client=client, body=Query(query="disk almost full")).data)
assert incident.id in {result.id for result in found}
