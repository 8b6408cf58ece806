-- Boxes with a defibrillator and other things that help, which administrators enter.
--
-- `osm_id` is the id of the entry of OpenStreetMap that a resource was imported from. An import leaves those alone that an administrator
-- has changed since, whose source is `manual`. `reported_at` is the time of the newest report that counts.
CREATE TABLE resource (
    id            uuid CONSTRAINT resource_pkey PRIMARY KEY,
    kind          text NOT NULL CONSTRAINT resource_kind_check
                  CHECK (kind IN ('aed', 'naloxone', 'first_aid_kit', 'extinguisher', 'other')),
    latitude      double precision NOT NULL CONSTRAINT resource_latitude_check CHECK (latitude BETWEEN -90 AND 90),
    longitude     double precision NOT NULL CONSTRAINT resource_longitude_check CHECK (longitude BETWEEN -180 AND 180),
    address       text,
    access        text NOT NULL CONSTRAINT resource_access_check
                  CHECK (access IN ('public', 'customers', 'private', 'unknown')),
    opening_hours text,
    indoor        boolean,
    level         text,
    description   text,
    phone         text,
    status        text NOT NULL CONSTRAINT resource_status_check CHECK (status IN ('available', 'missing', 'unusable')),
    checked_at    timestamptz,
    reported_at   timestamptz,
    source        text NOT NULL CONSTRAINT resource_source_check CHECK (source IN ('manual', 'osm')),
    osm_id        text CONSTRAINT resource_osm_id_key UNIQUE,
    created_at    timestamptz NOT NULL
);

-- Statements have to write the place like this, or the index is not used.
CREATE INDEX resource_place ON resource USING gist ((ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography));

-- What users saw of a resource: the newest report of each. Reports by helpers count together for 30 days.
CREATE TABLE resource_report (
    resource_id uuid NOT NULL CONSTRAINT resource_report_resource_id_fkey REFERENCES resource ON DELETE CASCADE,
    reporter_id uuid NOT NULL CONSTRAINT resource_report_reporter_id_fkey REFERENCES account ON DELETE CASCADE,
    state       text NOT NULL CONSTRAINT resource_report_state_check CHECK (state IN ('missing', 'unusable', 'moved', 'ok')),
    note        text,
    is_counted  boolean NOT NULL,
    reported_at timestamptz NOT NULL,
    CONSTRAINT resource_report_pkey PRIMARY KEY (resource_id, reporter_id)
);
CREATE INDEX resource_report_by_reporter ON resource_report (reporter_id, reported_at);
CREATE INDEX resource_report_by_age ON resource_report (reported_at);

-- Stores a report, and `_status` if `_needed` helpers have reported the same since `_counted_since`. One that settles removes all others.
-- The lock comes first: what is counted after it was committed before. Returns the resource, or no row.
CREATE FUNCTION report_resource_v1(
    _resource uuid, _reporter uuid, _state text, _note text, _is_counted boolean, _at timestamptz, _settles boolean, _status text,
    _needed integer, _counted_since timestamptz
) RETURNS SETOF resource LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM resource r WHERE r.id = _resource FOR UPDATE;
    IF _settles THEN
        DELETE FROM resource_report p WHERE p.resource_id = _resource;
    ELSE
        INSERT INTO resource_report (resource_id, reporter_id, state, note, is_counted, reported_at)
        SELECT r.id, a.id, _state, _note, _is_counted, _at
        FROM resource r, account a WHERE r.id = _resource AND a.id = _reporter AND a.deleted_at IS NULL
        ON CONFLICT ON CONSTRAINT resource_report_pkey DO UPDATE SET
            state = excluded.state, note = excluded.note, is_counted = excluded.is_counted, reported_at = excluded.reported_at;
    END IF;
    RETURN QUERY UPDATE resource r SET
        status = CASE WHEN _status IS NOT NULL AND _needed <= (
            SELECT count(*) FROM resource_report p
            WHERE p.resource_id = _resource AND p.state = _state AND p.is_counted AND p.reported_at >= _counted_since
        ) THEN _status ELSE r.status END,
        checked_at = CASE WHEN _settles THEN greatest(r.checked_at, _at) ELSE r.checked_at END,
        reported_at = CASE WHEN _is_counted THEN greatest(r.reported_at, _at) ELSE r.reported_at END
    WHERE r.id = _resource RETURNING r.*;
END $$;
