-- The durable pipeline: replay, flapping, expiry, correlation decisions.

-- `origin` says who made the delivery: a platform's webhook or poll, or the hub itself when an alert expires.
-- `stages` is when each stage was done, `items` what each event became: {alert_id, outcome}, in their order.
ALTER TABLE deliveries
    ADD COLUMN origin text NOT NULL DEFAULT 'webhook' CHECK (origin IN ('webhook', 'poll', 'expiry')),
    ADD COLUMN claimed_at timestamptz,
    ADD COLUMN stages jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN items jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN replay_count integer NOT NULL DEFAULT 0;
CREATE INDEX deliveries_done ON deliveries (organization_id, finished_at) WHERE status <> 'pending';
CREATE INDEX deliveries_dead ON deliveries (organization_id, received_at) WHERE status = 'dead';

-- A claim and a finish rewrite the row twice within a second: room on its page keeps both out of the indexes, and
-- the body, which never changes, is not copied along.
ALTER TABLE deliveries SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

ALTER TABLE alerts ADD COLUMN is_flapping boolean NOT NULL DEFAULT false;
CREATE INDEX alerts_firing ON alerts (organization_id, integration_id) WHERE status <> 'resolved';

-- A reminder moves only when an alert and its event were last seen, which no index holds: with room on the page none is
-- written anew, which costs half. Platforms remind of all alerts of a group at once, so each row needs room for another.
ALTER TABLE alerts SET (fillfactor = 50);
ALTER TABLE events SET (fillfactor = 50);

-- For platforms that never say that something is over: how long an alert may stay silent. NULL: for ever.
ALTER TABLE integrations
    ADD COLUMN expire_after_seconds integer CHECK (expire_after_seconds BETWEEN 60 AND 31536000);

-- `correlation_key` finds the open incident of a rule's `group_by` values, and there is only one; `alerts_resolved_at`
-- is since when all of its alerts have been resolved.
ALTER TABLE incidents
    ADD COLUMN correlation_key text,
    ADD COLUMN alerts_resolved_at timestamptz;
CREATE UNIQUE INDEX incidents_key ON incidents (organization_id, correlation_key)
    WHERE correlation_key IS NOT NULL AND status IN ('active', 'in_progress');
CREATE INDEX incidents_waiting ON incidents (organization_id, alerts_resolved_at)
    WHERE status = 'in_progress' AND alerts_resolved_at IS NOT NULL;

-- Episodes that a silence kept out of every incident; they are correlated when it ends.
CREATE INDEX episodes_silenced ON episodes (organization_id, alert_id)
    WHERE incident_id IS NULL AND resolved_at IS NULL AND decision ->> 'step' = 'silenced';

-- When each of the chores was begun last, so that of many workers one does it; not tenant data.
CREATE TABLE chores (
    name text PRIMARY KEY,
    begun_at timestamptz NOT NULL
);

-- How many messages in the broker were no wake-up and were thrown away; not tenant data.
CREATE TABLE rejected_messages (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    message_count bigint NOT NULL
);
INSERT INTO rejected_messages (message_count) VALUES (0);
