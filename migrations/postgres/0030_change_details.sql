-- Commits a change with new details of an emergency, which `apply_change_v2` does not know: {emergency_id, kind, category,
-- description, priority, severity}, made by crates/postgres/src/detail_writes.rs.
--
-- The change also updates the emergency, on condition of its revision, and holds the lock of its row.
CREATE FUNCTION change_details_v1(change jsonb, details jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    detail_keys CONSTANT text[] := '{emergency_id,kind,category,description,priority,severity}';
    target CONSTANT uuid := details ->> 'emergency_id';
BEGIN
    IF NOT details ?& detail_keys OR details - detail_keys <> '{}' THEN
        RAISE EXCEPTION 'change_details_v1: unexpected keys' USING ERRCODE = 'AN002';
    END IF;
    -- In the order in which the steps of messages are locked, and before the event is numbered: readers of the log wait at a number
    -- whose change waits for a lock.
    PERFORM FROM emergency WHERE id = target FOR NO KEY UPDATE;
    PERFORM FROM outbox WHERE emergency_id = target AND due_at IS NOT NULL AND emergency_kind <> details ->> 'kind'
    ORDER BY id FOR NO KEY UPDATE;
    PERFORM apply_change_v2(change);
    UPDATE emergency SET kind = details ->> 'kind', category = details ->> 'category',
        description = details ->> 'description', priority = details ->> 'priority',
        severity = (details ->> 'severity')::smallint
    WHERE id = target;
    -- Later steps of messages that are being sent say what the emergency is.
    UPDATE outbox SET emergency_kind = details ->> 'kind'
    WHERE emergency_id = target AND due_at IS NOT NULL AND emergency_kind <> details ->> 'kind';
END
$$;
