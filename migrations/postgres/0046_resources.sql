-- Boxes with a defibrillator and other things that help, which administrators enter.
--
-- `osm_id` is the id of the entry of OpenStreetMap that a resource was imported from.
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
    source        text NOT NULL CONSTRAINT resource_source_check CHECK (source IN ('manual', 'osm')),
    osm_id        text CONSTRAINT resource_osm_id_key UNIQUE,
    created_at    timestamptz NOT NULL
);

-- Statements have to write the place like this, or the index is not used.
CREATE INDEX resource_place ON resource USING gist ((ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography));
