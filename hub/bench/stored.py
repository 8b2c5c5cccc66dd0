"""An organization that has much behind it: alerts and incidents written straight into the tables."""

import re
from uuid import UUID

from hub.bench.running import RunningHub

# The triggers would tell listeners and platforms of each.
_WITHOUT_TRIGGERS = "ALTER TABLE {table} {verb} TRIGGER USER"

RARE_WORD, RARE_COUNT = "zanzibar", 3

_INCIDENTS = """
INSERT INTO incidents (organization_id, id, title, description, severity, status, environment, service, tags,
                       source_integration_id, assignee_id, alert_count, created_at, updated_at, last_activity_at,
                       resolved_at)
SELECT '{organization}', gen_random_uuid(),
       'High error rate ' || n % 200 || ' on host-' || n % 5000
           || CASE WHEN n % (greatest({rows} / 3, 1)) = 7 THEN ' zanzibar' ELSE '' END,
       repeat('Five percent of requests fail since the last deployment. ', 5),
       (ARRAY['critical', 'high', 'medium', 'low'])[1 + n % 4],
       CASE WHEN n % 20 = 0 THEN 'active' WHEN n % 50 = 1 THEN 'in_progress' WHEN n % 3 = 0 THEN 'resolved'
            ELSE 'closed' END,
       'production', 'service-' || n % 400, ARRAY['team-' || n % 20, 'tag-' || n % 1000],
       CASE WHEN n % 10 > 0 THEN CAST('{integration}' AS uuid) END,
       CASE WHEN n % 100 = 0 THEN CAST('{user}' AS uuid) END, n % 17, at, at, at, CASE WHEN n % 20 > 0 THEN at END
FROM generate_series(1, {rows}) AS n, LATERAL (SELECT now() - n * interval '20 seconds' AS at) AS moment
"""

_ALERTS = """
INSERT INTO alerts (organization_id, id, integration_id, dedup_key, platform, title, description, status, severity,
                    raw_severity, no_data, service, resource, labels, annotations, links, occurrence_count,
                    episode_count, started_at, last_seen_at, last_occurred_at, resolved_at, created_at, incident_id)
SELECT '{organization}', gen_random_uuid(), '{integration}', '{kind}-' || n, 'alertmanager',
       'High error rate ' || n % 200 || CASE WHEN n % (greatest({rows} / 3, 1)) = 7 THEN ' zanzibar' ELSE '' END,
       repeat('Five percent of requests fail. ', 10),
       CASE WHEN n % 20 = 0 THEN 'firing' WHEN n % 100 = 1 THEN 'acknowledged' ELSE 'resolved' END,
       (ARRAY['critical', 'high', 'medium', 'low', 'info', 'unknown'])[1 + n % 6], 'critical', false,
       'service-' || n % 400, 'host-' || n % 5000 || '.example:8080',
       jsonb_build_object('environment', (ARRAY['production', 'staging'])[1 + n % 2], 'team', 'team-' || n % 20,
                          'instance', 'host-' || n, 'alertname', 'HighErrorRate' || n % 200),
       '{{"runbook_url": "https://runbooks.example/errors"}}', '[]', 1 + n % 13, 1,
       at, at + n % 9 * interval '1 minute', at,
       CASE WHEN n % 20 > 0 THEN at END, at, incident.id
FROM generate_series(1, {rows}) AS n
JOIN (SELECT id, row_number() OVER () AS number FROM incidents WHERE organization_id = '{organization}') AS incident
  ON incident.number = 1 + n % {incidents},
LATERAL (SELECT now() - n * interval '20 seconds' AS at) AS moment
"""


def integration_of(webhook: str) -> UUID:
    """Whose webhook's address this is."""
    found = re.search(r"int_(\w+)", webhook)
    assert found  # noqa: S101  # it names its integration
    return UUID(found[1])


def store(hub: RunningHub, integration_id: UUID, alerts: int, incidents: int, kind: str = "stored") -> None:
    """So many of each for the integration's organization, as if they had come one after the other.

    `kind` begins the alerts' dedup keys, of which each may be stored once.
    """
    ((organization, user),) = hub.query(
        "SELECT i.organization_id, u.id FROM integrations i JOIN users u USING (organization_id)"
        " WHERE i.id = %(id)s LIMIT 1",
        id=integration_id,
    )
    told = {
        "organization": organization,
        "integration": integration_id,
        "user": user,
        "incidents": incidents,
        "kind": kind,
    }
    for table, statement, rows in (("incidents", _INCIDENTS, incidents), ("alerts", _ALERTS, alerts)):
        hub.execute(
            "SET statement_timeout = 0;"
            f"{_WITHOUT_TRIGGERS.format(table=table, verb='DISABLE')};"
            f"{statement.format(rows=rows, **told)};"
            f"{_WITHOUT_TRIGGERS.format(table=table, verb='ENABLE')};"
        )
    for table in ("incidents", "alerts"):
        with hub.connection() as connection:
            connection.execute(f"VACUUM ANALYZE {table}".encode())
