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
