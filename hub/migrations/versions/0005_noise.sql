-- Noise control and insight: rules, silences, services, heartbeats, changes, notifications.

-- correlation rules --------------------------------------------------------------------------------------------------

CREATE TABLE correlation_rules (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL,
    match jsonb NOT NULL,
    group_by text[] NOT NULL DEFAULT '{}',
    window_seconds integer NOT NULL CHECK (window_seconds BETWEEN 1 AND 604800),
    action text NOT NULL CHECK (action IN ('group', 'open', 'ignore', 'route')),
    severity_override text CHECK (severity_override IN ('critical', 'high', 'medium', 'low')),
    route_service text,
    route_assignee_id uuid,
    enabled boolean NOT NULL DEFAULT true,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, name),
    FOREIGN KEY (organization_id, route_assignee_id) REFERENCES users (organization_id, id)
        ON DELETE SET NULL (route_assignee_id)
);
CREATE INDEX correlation_rules_order ON correlation_rules (organization_id, position, id);

-- silences -----------------------------------------------------------------------------------------------------------

CREATE TABLE silences (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    matchers jsonb NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    comment text NOT NULL DEFAULT '',
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id) ON DELETE SET NULL (created_by)
);
CREATE INDEX silences_end ON silences (organization_id, ends_at);

-- catalogue ----------------------------------------------------------------------------------------------------------

CREATE TABLE services (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    owner text NOT NULL DEFAULT '',
    repository text NOT NULL DEFAULT '',
    procedures uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, name)
);

-- Who needs whom. Cycles are refused by the catalogue, which changes under one lock per organization.
CREATE TABLE service_dependencies (
    organization_id uuid NOT NULL,
    service_id uuid NOT NULL,
    depends_on_id uuid NOT NULL CHECK (depends_on_id <> service_id),
    PRIMARY KEY (organization_id, service_id, depends_on_id),
    FOREIGN KEY (organization_id, service_id) REFERENCES services (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, depends_on_id) REFERENCES services (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX service_dependencies_back ON service_dependencies (organization_id, depends_on_id);

-- heartbeats ---------------------------------------------------------------------------------------------------------

-- What somebody expects to hear from; the table `heartbeats` is the workers' own.
CREATE TABLE expected_heartbeats (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL UNIQUE,
    integration_id uuid NOT NULL,
    name text NOT NULL,
    interval_seconds integer NOT NULL CHECK (interval_seconds BETWEEN 1 AND 2678400),
    grace_seconds integer NOT NULL DEFAULT 0 CHECK (grace_seconds BETWEEN 0 AND 2678400),
    severity text NOT NULL DEFAULT 'high' CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    service text NOT NULL DEFAULT '',
    labels jsonb NOT NULL DEFAULT '{}',
    enabled boolean NOT NULL DEFAULT true,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'alive', 'missing')),
    token_hash bytea NOT NULL,
    last_ping_at timestamptz,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, name),
    FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX expected_heartbeats_due ON expected_heartbeats (due_at) WHERE enabled AND status <> 'missing';

-- When the watch last looked, so that a hub that was down itself does not cry that everybody else is silent. By the
-- real clock: moving the hub's clock in a test is no sleep.
CREATE TABLE heartbeat_watch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    looked_at timestamptz NOT NULL
);
INSERT INTO heartbeat_watch (looked_at) VALUES (now());

SELECT raise_tenant_wall(name::regclass)
FROM unnest(ARRAY['correlation_rules', 'silences', 'services', 'service_dependencies', 'expected_heartbeats']) AS name;
