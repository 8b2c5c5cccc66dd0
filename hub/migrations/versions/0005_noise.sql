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
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
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

SELECT forget_when_deleted('users', 'correlation_rules', 'route_assignee_id'),
       forget_when_deleted('users', 'silences', 'created_by');

SELECT raise_tenant_wall(name::regclass)
FROM unnest(ARRAY['correlation_rules', 'silences', 'services', 'service_dependencies', 'expected_heartbeats']) AS name;

-- changes: what /stream tells ----------------------------------------------------------------------------------------

-- One row per transaction and thing it changed. The cursor of a listener is (xid, subject): every transaction below
-- the horizon (pg_snapshot_xmin) has ended, so whoever has read up to there has missed nobody that commits late, which
-- a sequence cannot promise. The row says that something changed; what it is now is read when it is told.
CREATE TABLE changes (
    organization_id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    subject_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('incident', 'alert', 'notification')),
    change text NOT NULL CHECK (change IN ('opened', 'changed', 'deleted')),
    user_id uuid,
    at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, xid, subject_id)
);
CREATE INDEX changes_at ON changes (organization_id, at);

-- Up to where changes have been forgotten: a listener who was last here before that must read everything anew.
CREATE TABLE changes_forgotten (
    organization_id uuid PRIMARY KEY,
    up_to xid8 NOT NULL
);

-- Arguments: kind, change. An organization that is being erased has nobody left to tell.
CREATE FUNCTION note_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (organization_id, subject_id, kind, change)
    SELECT c.organization_id, c.id, TG_ARGV[0], TG_ARGV[1] FROM changed c
    WHERE TG_OP <> 'DELETE' OR EXISTS (SELECT FROM organizations o WHERE o.id = c.organization_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- A reminder only moves last_seen_at, and is no news; all else that alerts are listed by is. What a statement has changed
-- has no statistics: left to itself the planner would compare every row with every row.
CREATE FUNCTION note_changed_alerts() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO changes (organization_id, subject_id, kind, change)
    SELECT c.organization_id, c.id, 'alert', 'changed' FROM changed c
    JOIN was w ON w.organization_id = c.organization_id AND w.id = c.id
    WHERE (c.status, c.severity, c.title, c.service, c.resource, c.labels, c.created_at, c.started_at,
           c.occurrence_count, c.incident_id) IS DISTINCT FROM
          (w.status, w.severity, w.title, w.service, w.resource, w.labels, w.created_at, w.started_at,
           w.occurrence_count, w.incident_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER note_opened AFTER INSERT ON incidents REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes('incident', 'opened');
CREATE TRIGGER note_changed AFTER UPDATE ON incidents REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes('incident', 'changed');
CREATE TRIGGER note_deleted AFTER DELETE ON incidents REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes('incident', 'deleted');
CREATE TRIGGER note_opened AFTER INSERT ON alerts REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes('alert', 'opened');
CREATE TRIGGER note_changed AFTER UPDATE ON alerts REFERENCING NEW TABLE AS changed OLD TABLE AS was
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_alerts();
CREATE TRIGGER note_deleted AFTER DELETE ON alerts REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes('alert', 'deleted');

-- An organization's end takes its changes along, which have no foreign key: that would cost the ingest a check
-- per change.
CREATE FUNCTION forget_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM changes WHERE organization_id = OLD.id;
    DELETE FROM changes_forgotten WHERE organization_id = OLD.id;
    RETURN NULL;
END $$;

CREATE TRIGGER forget_changes AFTER DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION forget_changes();

-- notifications ------------------------------------------------------------------------------------------------------

-- `transition` names what happened, once and for all: "critical", "assigned:<when>", "mentioned:<comment>".
CREATE TABLE notifications (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    incident_id uuid NOT NULL,
    transition text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('mentioned', 'assigned', 'critical')),
    channel text NOT NULL CHECK (channel IN ('inbox', 'mail')),
    user_id uuid NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    sent_at timestamptz,
    read_at timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, incident_id, transition, channel, user_id),
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX notifications_of_user ON notifications (organization_id, user_id, created_at, id) WHERE channel = 'inbox';
CREATE INDEX notifications_unsent ON notifications (organization_id, created_at) WHERE sent_at IS NULL;

CREATE FUNCTION note_notifications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (organization_id, subject_id, kind, change, user_id)
    SELECT c.organization_id, c.id, 'notification', 'opened', c.user_id FROM changed c WHERE c.channel = 'inbox'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER note_opened AFTER INSERT ON notifications REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_notifications();

CREATE TABLE notification_preferences (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    channels jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- Whatever made it so, a person's move or correlation: the job is left in the same transaction. Argument: its kind.
CREATE FUNCTION leave_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs (organization_id, id, lane, kind, subject_id)
    VALUES (NEW.organization_id, gen_random_uuid(), 'notify', TG_ARGV[0], NEW.id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER notice_critical AFTER INSERT ON incidents FOR EACH ROW
    WHEN (NEW.severity = 'critical') EXECUTE FUNCTION leave_notice('critical');
CREATE TRIGGER notice_grown_critical AFTER UPDATE OF severity ON incidents FOR EACH ROW
    WHEN (NEW.severity = 'critical' AND OLD.severity <> 'critical') EXECUTE FUNCTION leave_notice('critical');
CREATE TRIGGER notice_assigned AFTER INSERT ON incidents FOR EACH ROW
    WHEN (NEW.assignee_id IS NOT NULL) EXECUTE FUNCTION leave_notice('assigned');
CREATE TRIGGER notice_reassigned AFTER UPDATE OF assignee_id ON incidents FOR EACH ROW
    WHEN (NEW.assignee_id IS NOT NULL AND NEW.assignee_id IS DISTINCT FROM OLD.assignee_id)
    EXECUTE FUNCTION leave_notice('assigned');
CREATE TRIGGER notice_mentioned AFTER INSERT ON comments FOR EACH ROW
    WHEN (cardinality(NEW.mentions) > 0) EXECUTE FUNCTION leave_notice('mentioned');

-- analytics ----------------------------------------------------------------------------------------------------------

-- Which alerts were loudest in a period is a count of events by when they were received.
CREATE INDEX events_received ON events (organization_id, received_at) INCLUDE (alert_id);

SELECT raise_tenant_wall(name::regclass)
FROM unnest(ARRAY['changes', 'changes_forgotten', 'notifications', 'notification_preferences']) AS name;
