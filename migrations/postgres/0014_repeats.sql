-- How many emergencies an owner raised in the ten minutes before a time, deleted ones included: administrators see alarms in a
-- row. A plain query, so that the planner makes it part of the statement that asks.
CREATE FUNCTION repeats_v1(owner uuid, raised_at timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (
        SELECT count(*) FROM emergency e
        WHERE e.owner_id = owner AND e.created_at < raised_at AND e.created_at >= raised_at - interval '10 minutes'
    ) + (
        SELECT count(*) FROM deleted_emergency d
        WHERE d.owner_id = owner AND d.created_at < raised_at AND d.created_at >= raised_at - interval '10 minutes'
    )
$$;
