-- The tables of one event's way. Every tenant table has the key (organization_id, id), so that foreign keys carry the
-- organization along and a row can never point into another one.

-- The one clock of all decisions about state; tests move it with app.clock_offset.
CREATE FUNCTION overwatch_now() RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT now() + coalesce(nullif(current_setting('app.clock_offset', true), '')::interval, interval '0') $$;

CREATE FUNCTION current_organization() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('app.organization_id', true), '')::uuid $$;

-- Puts the second wall around a table: the runtime role sees its own organization, the owner's reviewed functions all.
CREATE FUNCTION raise_tenant_wall(target regclass, tenant_column text DEFAULT 'organization_id') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant ON %s TO overwatch_app
         USING (%I = nullif(current_setting(''app.organization_id'', true), '''')::uuid)
         WITH CHECK (%I = nullif(current_setting(''app.organization_id'', true), '''')::uuid)',
        target, tenant_column, tenant_column);
    EXECUTE format('CREATE POLICY owner ON %s TO overwatch_owner USING (true) WITH CHECK (true)', target);
END $$;

-- ON DELETE SET NULL (one_column), which Postgres can say since version 15 only: when a row of `target` is deleted, those
-- of `source` that name it forget it, and keep their organization. Of one event's triggers Postgres fires that first whose
-- name comes first: these, with their 0, before its own RI_… that look whether anybody still names the row.
CREATE FUNCTION forget_reference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE %I SET %I = NULL WHERE organization_id = $1 AND %2$I = $2', TG_ARGV[0], TG_ARGV[1])
    USING OLD.organization_id, OLD.id;
    RETURN NULL;
END $$;

CREATE FUNCTION forget_when_deleted(target regclass, source regclass, source_column text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION forget_reference(%L, %L)',
                   concat_ws('_', '0', source, source_column), target, source, source_column);
END $$;

-- accounts -----------------------------------------------------------------------------------------------------------

CREATE TABLE organizations (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    slug text NOT NULL UNIQUE,
    timezone text NOT NULL DEFAULT 'UTC',
    plan text NOT NULL DEFAULT 'free',
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now()
);

CREATE TABLE users (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL UNIQUE,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'manager', 'engineer', 'viewer')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('pending', 'active', 'inactive', 'suspended')),
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE sessions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL UNIQUE,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- integrations -------------------------------------------------------------------------------------------------------

CREATE TABLE integrations (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL UNIQUE,
    platform text NOT NULL,
    name text NOT NULL,
    config jsonb NOT NULL DEFAULT '{}',
    secrets jsonb NOT NULL DEFAULT '{}',
    token_hash bytea NOT NULL,
    is_signed boolean NOT NULL DEFAULT false,
    enabled boolean NOT NULL DEFAULT true,
    events text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    deleted_at timestamptz,
    PRIMARY KEY (organization_id, id)
);

-- deliveries: the inbox ----------------------------------------------------------------------------------------------

CREATE TABLE deliveries (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    integration_id uuid NOT NULL,
    delivery_key text,
    received_at timestamptz NOT NULL DEFAULT overwatch_now(),
    headers jsonb NOT NULL,
    query jsonb NOT NULL,
    body bytea NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'processed', 'duplicate', 'ignored', 'dead')),
    reason text,
    attempts smallint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT overwatch_now(),
    lease_token uuid,
    lease_until timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, integration_id, delivery_key),
    FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX deliveries_due ON deliveries (organization_id, received_at, id) WHERE status = 'pending';
CREATE INDEX deliveries_received ON deliveries (organization_id, received_at);

-- alerts -------------------------------------------------------------------------------------------------------------

CREATE TABLE incidents (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    severity text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    severity_pinned boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'in_progress', 'resolved', 'closed')),
    environment text NOT NULL DEFAULT '',
    service text NOT NULL DEFAULT '',
    services text[] NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    links jsonb NOT NULL DEFAULT '[]',
    source_integration_id uuid,
    alert_count integer NOT NULL DEFAULT 0,
    words text[] NOT NULL DEFAULT '{}',
    resolution jsonb,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    last_activity_at timestamptz NOT NULL DEFAULT overwatch_now(),
    acknowledged_at timestamptz,
    resolved_at timestamptz,
    closed_at timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, source_integration_id) REFERENCES integrations (organization_id, id)
);
CREATE INDEX incidents_created ON incidents (organization_id, created_at, id);
CREATE INDEX incidents_open ON incidents (organization_id, last_activity_at)
    WHERE status IN ('active', 'in_progress');

CREATE TABLE alerts (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    integration_id uuid NOT NULL,
    dedup_key text NOT NULL,
    platform text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL CHECK (status IN ('firing', 'acknowledged', 'resolved')),
    severity text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low', 'info', 'unknown')),
    raw_severity text NOT NULL,
    no_data boolean NOT NULL,
    service text NOT NULL,
    resource text NOT NULL,
    labels jsonb NOT NULL,
    annotations jsonb NOT NULL,
    links jsonb NOT NULL,
    occurrence_count integer NOT NULL,
    episode_count integer NOT NULL,
    started_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    last_occurred_at timestamptz NOT NULL,
    resolved_at timestamptz,
    incident_id uuid,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id)
);
CREATE UNIQUE INDEX alerts_key ON alerts (organization_id, integration_id, dedup_key);
CREATE INDEX alerts_created ON alerts (organization_id, created_at, id);
CREATE INDEX alerts_of_incident ON alerts (organization_id, incident_id);

-- What each delivery said: the set of events from which an alert's state is computed.
CREATE TABLE events (
    organization_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    item integer NOT NULL,
    integration_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    event_key text NOT NULL,
    state text NOT NULL CHECK (state IN ('firing', 'acknowledged', 'resolved')),
    severity text NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (organization_id, delivery_id, item),
    FOREIGN KEY (organization_id, delivery_id) REFERENCES deliveries (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, alert_id) REFERENCES alerts (organization_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX events_key ON events (organization_id, integration_id, event_key);
CREATE INDEX events_of_alert ON events (organization_id, alert_id, occurred_at, received_at, item);

-- incidents ----------------------------------------------------------------------------------------------------------

-- One stretch from a firing to its resolve; correlated once, in one incident, with the decision kept.
CREATE TABLE episodes (
    organization_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    number integer NOT NULL,
    started_at timestamptz NOT NULL,
    resolved_at timestamptz,
    incident_id uuid,
    decision jsonb NOT NULL,
    correlated_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, alert_id, number),
    FOREIGN KEY (organization_id, alert_id) REFERENCES alerts (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id)
);
CREATE INDEX episodes_of_incident ON episodes (organization_id, incident_id);

CREATE TABLE timeline (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    incident_id uuid NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX timeline_of_incident ON timeline (organization_id, incident_id, at, id);

-- outbox: work that a transaction leaves for the workers -------------------------------------------------------------

CREATE TABLE jobs (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    lane text NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT overwatch_now(),
    lease_token uuid,
    lease_until timestamptz,
    reason text,
    is_dead boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    traceparent text,
    PRIMARY KEY (organization_id, id)
);
-- A job that nobody has begun stands for all later wishes of the same kind for the same subject.
CREATE UNIQUE INDEX jobs_waiting ON jobs (organization_id, kind, subject_id) WHERE lease_token IS NULL AND NOT is_dead;
CREATE INDEX jobs_due ON jobs (lane, organization_id, next_at) WHERE NOT is_dead;
CREATE INDEX jobs_of_subject ON jobs (organization_id, subject_id);

-- search -------------------------------------------------------------------------------------------------------------

CREATE TABLE documents (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('incidents', 'procedures', 'solutions')),
    source_id uuid NOT NULL,
    title text NOT NULL,
    services text[] NOT NULL DEFAULT '{}',
    severities text[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    names text[] NOT NULL DEFAULT '{}',
    text_hash bytea NOT NULL,
    model text NOT NULL,
    created_at timestamptz NOT NULL,
    indexed_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, kind, source_id)
) PARTITION BY HASH (organization_id);

CREATE TABLE chunks (
    organization_id uuid NOT NULL,
    document_id uuid NOT NULL,
    ordinal integer NOT NULL,
    text text NOT NULL,
    lexemes tsvector NOT NULL,
    text_hash bytea NOT NULL,
    model text NOT NULL,
    embedding halfvec(384) NOT NULL,
    PRIMARY KEY (organization_id, document_id, ordinal),
    FOREIGN KEY (organization_id, document_id) REFERENCES documents (organization_id, id) ON DELETE CASCADE
) PARTITION BY HASH (organization_id);

DO $$
BEGIN
    FOR remainder IN 0..7 LOOP
        EXECUTE format('CREATE TABLE documents_%s PARTITION OF documents FOR VALUES WITH (MODULUS 8, REMAINDER %s)',
                       remainder, remainder);
        EXECUTE format('CREATE TABLE chunks_%s PARTITION OF chunks FOR VALUES WITH (MODULUS 8, REMAINDER %s)'
                       -- a small organization's chunks are all read by each query: not out of another table, nor packed
                       ' WITH (toast_tuple_target = 8160)', remainder, remainder);
        PERFORM raise_tenant_wall(format('documents_%s', remainder)::regclass);
        PERFORM raise_tenant_wall(format('chunks_%s', remainder)::regclass);
    END LOOP;
END $$;

-- Whatever waits to be put into a GIN index, up to 4 MB, every search reads from end to end; so nothing waits.
CREATE INDEX chunks_lexemes ON chunks USING gin (lexemes) WITH (fastupdate = off);
CREATE INDEX chunks_embedding ON chunks USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX chunks_text_hash ON chunks (organization_id, text_hash, model);

-- The workers' signs of life; not tenant data, and not worth surviving a crash.
CREATE UNLOGGED TABLE heartbeats (
    process text PRIMARY KEY,
    lanes text[] NOT NULL,
    beat_at timestamptz NOT NULL
);

SELECT forget_when_deleted('integrations', 'incidents', 'source_integration_id'),
       forget_when_deleted('incidents', 'alerts', 'incident_id'),
       forget_when_deleted('incidents', 'episodes', 'incident_id');

SELECT raise_tenant_wall('organizations', 'id');
SELECT raise_tenant_wall(name::regclass)
FROM unnest(ARRAY['users', 'sessions', 'integrations', 'deliveries', 'incidents', 'alerts', 'events', 'episodes',
                  'timeline', 'jobs', 'documents', 'chunks']) AS name;
