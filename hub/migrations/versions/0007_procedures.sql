-- Procedures, executions, search feedback.

-- procedures ---------------------------------------------------------------------------------------------------------

-- `source_path` is where an imported runbook came from: importing it again changes this one. `reviewed_at` is when
-- somebody last wrote or published it, and so looked at it.
CREATE TABLE procedures (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    content text NOT NULL DEFAULT '',
    category text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    severities text[] NOT NULL DEFAULT '{}',
    services text[] NOT NULL DEFAULT '{}',
    kind text NOT NULL DEFAULT 'manual' CHECK (kind IN ('manual', 'approval_required', 'template', 'custom')),
    status text NOT NULL DEFAULT 'published' CHECK (status IN ('draft', 'published', 'archived')),
    version integer NOT NULL DEFAULT 1,
    variables jsonb NOT NULL DEFAULT '[]',
    steps jsonb NOT NULL DEFAULT '[]',
    has_own_steps boolean NOT NULL DEFAULT false,
    source_url text NOT NULL DEFAULT '',
    source_path text,
    author_id uuid,
    execution_count integer NOT NULL DEFAULT 0,
    success_count integer NOT NULL DEFAULT 0,
    failure_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    reviewed_at timestamptz NOT NULL DEFAULT overwatch_now(),
    published_at timestamptz,
    archived_at timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, source_path),
    FOREIGN KEY (organization_id, author_id) REFERENCES users (organization_id, id)
);
CREATE INDEX procedures_created ON procedures (organization_id, created_at, id);
CREATE INDEX procedures_source ON procedures (organization_id, source_url) WHERE source_url <> '';

-- Every version as it was; the newest is the procedure itself.
CREATE TABLE procedure_versions (
    organization_id uuid NOT NULL,
    procedure_id uuid NOT NULL,
    number integer NOT NULL,
    said jsonb NOT NULL,
    author_id uuid,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, procedure_id, number),
    FOREIGN KEY (organization_id, procedure_id) REFERENCES procedures (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, author_id) REFERENCES users (organization_id, id)
);

-- One run by people: a copy of the steps as they were, with their commands filled in and what became of each.
CREATE TABLE executions (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    procedure_id uuid,
    procedure_version integer NOT NULL,
    title text NOT NULL,
    status text NOT NULL
        CHECK (status IN ('awaiting_approval', 'running', 'succeeded', 'failed', 'cancelled')),
    incident_id uuid,
    urgency text NOT NULL DEFAULT '',
    variables jsonb NOT NULL DEFAULT '{}',
    steps jsonb NOT NULL,
    approvals jsonb NOT NULL DEFAULT '[]',
    started_by uuid,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    updated_at timestamptz NOT NULL DEFAULT overwatch_now(),
    started_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, procedure_id) REFERENCES procedures (organization_id, id),
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id),
    FOREIGN KEY (organization_id, started_by) REFERENCES users (organization_id, id)
);
CREATE INDEX executions_created ON executions (organization_id, created_at, id);
CREATE INDEX executions_of_procedure ON executions (organization_id, procedure_id);
CREATE INDEX executions_of_incident ON executions (organization_id, incident_id);

-- search -------------------------------------------------------------------------------------------------------------

CREATE INDEX documents_names ON documents USING gin (names) WITH (fastupdate = off);
CREATE INDEX documents_services ON documents USING gin (services) WITH (fastupdate = off);
CREATE INDEX documents_tags ON documents USING gin (tags) WITH (fastupdate = off);
CREATE INDEX documents_created ON documents (organization_id, created_at);
CREATE INDEX documents_indexed ON documents (indexed_at);
CREATE INDEX documents_words ON documents USING gin (words_of(title)) WITH (fastupdate = off);

-- A deleted procedure is gone from search in the same transaction, as a deleted incident is.
CREATE FUNCTION forget_procedure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM documents d
    WHERE d.organization_id = OLD.organization_id AND d.kind = 'procedures' AND d.source_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_procedure AFTER DELETE ON procedures FOR EACH ROW EXECUTE FUNCTION forget_procedure();

-- What is common among an organization's words, for the choice of those worth asking the index for: Postgres' own
-- statistics are of a whole partition, and are not shown for tables behind a policy. `written` counts the chunks
-- written since they were last counted; `models` made the vectors that are stored.
CREATE TABLE vocabularies (
    organization_id uuid PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    chunk_count integer NOT NULL DEFAULT 0,
    common jsonb NOT NULL DEFAULT '{}',
    written integer NOT NULL DEFAULT 0,
    models text[] NOT NULL DEFAULT '{}'
);

-- What people have confirmed: the procedure that was carried out to its end in an incident, by the names of that.
CREATE TABLE confirmations (
    organization_id uuid NOT NULL,
    execution_id uuid NOT NULL,
    name text NOT NULL,
    procedure_id uuid NOT NULL,
    PRIMARY KEY (organization_id, execution_id, name),
    FOREIGN KEY (organization_id, execution_id) REFERENCES executions (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, procedure_id) REFERENCES procedures (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX confirmations_name ON confirmations (organization_id, name);

-- A person's verdict on a result for a query; the query's vector finds later queries that mean the same.
CREATE TABLE verdicts (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    source_id uuid NOT NULL,
    query_key text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('helped', 'wrong', 'used')),
    model text NOT NULL,
    embedding halfvec(384) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, kind, source_id, query_key, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- What the hub suggested when an incident opened, as it was then.
CREATE TABLE suggestions (
    organization_id uuid NOT NULL,
    id uuid NOT NULL,
    incident_id uuid NOT NULL,
    kind text NOT NULL,
    source_id uuid NOT NULL,
    place integer NOT NULL,
    title text NOT NULL,
    confidence double precision NOT NULL,
    is_explicit boolean NOT NULL,
    reasons jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT overwatch_now(),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, incident_id, kind, source_id),
    FOREIGN KEY (organization_id, incident_id) REFERENCES incidents (organization_id, id) ON DELETE CASCADE
);

SELECT forget_when_deleted('users', 'procedures', 'author_id'),
       forget_when_deleted('users', 'procedure_versions', 'author_id'),
       forget_when_deleted('users', 'executions', 'started_by'),
       forget_when_deleted('procedures', 'executions', 'procedure_id'),
       forget_when_deleted('incidents', 'executions', 'incident_id');

SELECT raise_tenant_wall(name::regclass)
FROM unnest(ARRAY['procedures', 'procedure_versions', 'executions', 'vocabularies', 'confirmations', 'verdicts',
                  'suggestions']) AS name;
