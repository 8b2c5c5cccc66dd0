-- Connectors: polling state, outbound deliveries, breakers.

-- One row while an integration's connector fails: parked deliveries wait for retry_at.
CREATE TABLE breakers (
    organization_id uuid NOT NULL,
    integration_id uuid NOT NULL,
    failure_count integer NOT NULL,
    retry_at timestamptz,
    reason text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, integration_id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE
);

SELECT raise_tenant_wall('breakers');

-- outbound -----------------------------------------------------------------------------------------------------------

-- What of an integration's wishes is sent: {"severity": ["critical"], "service": ["checkout"]}; empty filters nothing.
-- After repeated failure the hub stops telling the platform, until a person changes the integration.
ALTER TABLE integrations
    ADD COLUMN filters jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN notify_disabled_at timestamptz,
    ADD COLUMN notify_problem text NOT NULL DEFAULT '';

-- One change of one incident to tell one integration; its id is the same at every attempt. `number` is their order,
-- `xid` the transaction of the change, `log` what became of each attempt.
CREATE TABLE dispatches (
    organization_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    integration_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    kind text NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    incident jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed')),
    attempts smallint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT overwatch_now(),
    lease_token uuid,
    reason text NOT NULL DEFAULT '',
    reference text NOT NULL DEFAULT '',
    log jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    finished_at timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, incident_id, integration_id, kind, xid),
    FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX dispatches_due ON dispatches (next_at) WHERE status = 'pending';
CREATE INDEX dispatches_waiting ON dispatches (organization_id, integration_id, incident_id, number)
    WHERE status = 'pending';
CREATE INDEX dispatches_of_integration ON dispatches (organization_id, integration_id, created_at, id);
SELECT raise_tenant_wall('dispatches');

-- A change and the wish to tell it are one fact: both are committed, or neither. It runs at the commit, when all that
-- the transaction did to the incident is done; so a new incident that gets its severity with its alerts is `opened`
-- with that severity, and no more.
CREATE FUNCTION dispatch_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    told := CASE
        WHEN TG_OP = 'INSERT' THEN 'incident.opened'
        WHEN OLD.status = NEW.status THEN 'incident.severity_changed'
        WHEN NEW.status = 'in_progress' THEN 'incident.acknowledged'
        WHEN NEW.status = 'active' THEN 'incident.reopened'
        ELSE 'incident.' || NEW.status
    END;
    INSERT INTO dispatches (organization_id, integration_id, incident_id, kind, incident)
    SELECT i.organization_id, g.id, i.id, told, jsonb_build_object(
        'id', 'inc_' || replace(i.id::text, '-', ''), 'title', i.title, 'description', left(i.description, 2000),
        'severity', i.severity, 'status', i.status, 'service', i.service, 'services', i.services,
        'environment', i.environment, 'tags', i.tags, 'alert_count', i.alert_count, 'links', i.links,
        'created_at', i.created_at, 'resolved_at', i.resolved_at)
    FROM incidents i
    JOIN integrations g ON g.organization_id = i.organization_id AND told = ANY (g.events)
    WHERE i.organization_id = NEW.organization_id AND i.id = NEW.id AND g.enabled AND g.deleted_at IS NULL
      AND (NOT g.filters ? 'severity' OR g.filters -> 'severity' ? i.severity)
      AND (NOT g.filters ? 'service' OR g.filters -> 'service' ?| (i.services || i.service))
      AND (told <> 'incident.severity_changed' OR NOT EXISTS (
          SELECT FROM dispatches d
          WHERE d.organization_id = i.organization_id AND d.incident_id = i.id AND d.integration_id = g.id
            AND d.xid = pg_current_xact_id()))
    ON CONFLICT DO NOTHING;
    -- plugins that watch incidents; with none of them in any worker of the last week, nobody would take the job
    IF EXISTS (SELECT FROM heartbeats h WHERE 'observe' = ANY (h.lanes) AND h.beat_at > now() - interval '7 days')
       AND (told <> 'incident.severity_changed' OR NOT EXISTS (
          SELECT FROM jobs j
          WHERE j.organization_id = NEW.organization_id AND j.subject_id = NEW.id AND j.kind = 'incident.opened'
            AND j.lease_token IS NULL AND NOT j.is_dead)) THEN
        INSERT INTO jobs (organization_id, id, lane, kind, subject_id)
        VALUES (NEW.organization_id, gen_random_uuid(), 'notify', told, NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER dispatch_opened AFTER INSERT ON incidents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dispatch_change();
CREATE CONSTRAINT TRIGGER dispatch_changed AFTER UPDATE OF status, severity ON incidents
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.severity <> NEW.severity) EXECUTE FUNCTION dispatch_change();

-- polling ------------------------------------------------------------------------------------------------------------

-- How far each polled integration is; the cursor moves in the transaction that stores what was found up to it.
CREATE TABLE polls (
    organization_id uuid NOT NULL,
    integration_id uuid NOT NULL,
    cursor jsonb NOT NULL DEFAULT '{}',
    next_at timestamptz NOT NULL,
    lease_token uuid,
    failure_count integer NOT NULL DEFAULT 0,
    problem text NOT NULL DEFAULT '',
    polled_at timestamptz,
    PRIMARY KEY (organization_id, integration_id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES integrations (organization_id, id) ON DELETE CASCADE
);
SELECT raise_tenant_wall('polls');

-- A sender of a drop-in endpoint knows a token, and no integration.
CREATE INDEX integrations_token ON integrations (token_hash);
