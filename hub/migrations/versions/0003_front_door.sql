-- The front door: idempotency keys and rate limits.

-- A POST that was carried out, and its answer, encrypted with a key that needs the client's own; 24 hours.
CREATE TABLE idempotency_keys (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    key_hash bytea NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    content_type text,
    answer bytea,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, user_id, key_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (organization_id, created_at);
SELECT raise_tenant_wall('idempotency_keys');

-- Counted requests per window. Unlogged: after a crash everybody starts with a full allowance, and a count costs no
-- fsync. Half-empty pages keep the updates in place.
CREATE UNLOGGED TABLE rate_limits (
    key text PRIMARY KEY,
    hits bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
