"""Overwatch, an open integration hub for observability.

Six nouns, one per stage, never synonyms:

Delivery (raw bytes that arrived) → Event (what a connector says they mean) → Alert (events with one dedup key,
counted) → Incident (alerts that belong together) → Document (what search indexes) → Notification (who is told).

A Connector is a plugin for one platform. An Integration is one organization's configured use of a connector.
A Procedure is a runbook; an Execution is one run of it by people.
"""

import gc

# Nearly everything that a process makes at its start lives as long as it does; looking for garbage in it every 700
# objects, Python's default, takes an eighth of the start.
gc.set_threshold(50_000, 20, 20)
