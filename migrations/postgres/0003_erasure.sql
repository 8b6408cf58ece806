-- An emergency may be deleted right after it ended, before every node has told its clients of the end. So its part of
-- the log outlives it for a moment: what is to be erased is noted here, and erased when all nodes have read it.
CREATE TABLE erasure (
    emergency_id uuid CONSTRAINT erasure_pkey PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

-- What hangs on the row goes with it.
CREATE OR REPLACE FUNCTION delete_emergency(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO erasure (emergency_id, deleted_at)
    SELECT id, now() FROM emergency WHERE id = (w ->> 'emergency_id')::uuid;
    DELETE FROM emergency WHERE id = (w ->> 'emergency_id')::uuid;
END $$;
