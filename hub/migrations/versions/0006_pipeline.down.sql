DROP TABLE rejected_messages;
DROP TABLE chores;
DROP INDEX episodes_silenced, incidents_waiting, incidents_key, alerts_firing, deliveries_done, deliveries_dead;
ALTER TABLE incidents DROP COLUMN correlation_key, DROP COLUMN alerts_resolved_at;
ALTER TABLE integrations DROP COLUMN expire_after_seconds;
ALTER TABLE alerts DROP COLUMN is_flapping;
ALTER TABLE events RESET (fillfactor);
ALTER TABLE alerts RESET (fillfactor);
ALTER TABLE deliveries RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE deliveries
    DROP COLUMN origin,
    DROP COLUMN claimed_at,
    DROP COLUMN stages,
    DROP COLUMN items,
    DROP COLUMN replay_count;
