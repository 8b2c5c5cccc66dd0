-- Incidents and alerts at work: comments, merges, moves.

-- `before_merge` keeps what undoing a merge gives back: status, resolved_at, closed_at.
ALTER TABLE incidents
    ADD COLUMN assignee_id uuid,
    ADD COLUMN merged_into uuid,
    ADD COLUMN before_merge jsonb,
    ADD FOREIGN KEY (organization_id, assignee_id) REFERENCES users (organization_id, id),
    ADD FOREIGN KEY (organization_id, merged_into) REFERENCES incidents (organization_id, id);
CREATE INDEX incidents_assignee ON incidents (organization_id, assignee_id) WHERE assignee_id IS NOT NULL;
CREATE INDEX incidents_merged ON incidents (organization_id, merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE comments (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    incident_id uuid NOT NULL,
    author_id uuid,
    body text NOT NULL,
    mentions uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, author_id) REFERENCES users (organization_id, id)
);
CREATE INDEX comments_of_incident ON comments (organization_id, incident_id, created_at, id);

-- What people said of alerts: events without a delivery, folded together with those of the platform.
CREATE TABLE marks (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    alert_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('firing', 'acknowledged', 'resolved')),
    actor text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, alert_id) REFERENCES alerts (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX marks_of_alert ON marks (organization_id, alert_id, at);

-- Since when a person has the current episode in hand: the platform's reminders leave that standing.
ALTER TABLE alerts ADD COLUMN acknowledged_at timestamptz;

-- Rotation: the token (and signing secret) before the current one is good for a while longer.
ALTER TABLE integrations
    ADD COLUMN previous_token_hash bytea,
    ADD COLUMN previous_secrets jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN previous_until timestamptz;

SELECT forget_when_deleted('users', 'incidents', 'assignee_id'),
       forget_when_deleted('incidents', 'incidents', 'merged_into'),
       forget_when_deleted('users', 'comments', 'author_id');

SELECT raise_tenant_wall(name::regclass) FROM unnest(ARRAY['comments', 'marks']) AS name;

-- A deleted incident is gone from search in the same transaction, not when a worker comes to it.
CREATE FUNCTION forget_documents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM documents d
    WHERE d.organization_id = OLD.organization_id AND d.source_id = OLD.id AND d.kind IN ('incidents', 'solutions');
    RETURN NULL;
END $$;
CREATE TRIGGER forget_documents AFTER DELETE ON incidents FOR EACH ROW EXECUTE FUNCTION forget_documents();

-- Plain text in lists: every word of it begins a word of the row; DiskFull is found by disk, full and diskfull. Beyond
-- some ten thousand rows only an index answers in time, and by words it costs far less than by trigrams. Of alerts the
-- description is left out: that would cost each event 0.1 ms of the ingest path instead of 0.02.
CREATE FUNCTION words_of(VARIADIC texts text[]) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$  -- an index sets up a function in SQL anew for every row
DECLARE
    whole text := left(array_to_string(texts, ' '), 4000);
BEGIN
    RETURN strip(to_tsvector('simple', regexp_replace(
        whole || ' ' || regexp_replace(whole, '([[:lower:][:digit:]])([[:upper:]])', '\1 \2', 'g'),
        '[^[:alnum:]]+', ' ', 'g')));
END $$;
CREATE INDEX incidents_words ON incidents USING gin (words_of(title, service, description)) WITH (fastupdate = off);
-- Alerts come in storms and are searched rarely: a little of their words waits, so that much is indexed at once. Each
-- search reads it, which takes a tenth of a millisecond; storing a new alert costs Postgres a tenth less.
CREATE INDEX alerts_words ON alerts USING gin (words_of(title, service, resource))
    WITH (fastupdate = on, gin_pending_list_limit = 128);

-- What lists are filtered by stands beside their order, so that counting the rest needs no look at the wide rows.
DROP INDEX incidents_created, alerts_created;
CREATE INDEX incidents_created ON incidents (organization_id, created_at, id)
    INCLUDE (status, severity, service, assignee_id, source_integration_id);
CREATE INDEX alerts_created ON alerts (organization_id, created_at, id)
    INCLUDE (status, severity, service, platform, integration_id);
