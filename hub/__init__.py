"""Overwatch, an open integration hub for observability.

Six nouns, one per stage, never synonyms:

Delivery (raw bytes that arrived) → Event (what a connector says they mean) → Alert (events with one dedup key,
counted) → Incident (alerts that belong together) → Document (what search indexes) → Notification (who is told).

A Connector is a plugin for one platform. An Integration is one organization's configured use of a connector.
A Procedure is a runbook; an Execution is one run of it by people.
"""
