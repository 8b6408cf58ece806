-- What operators need: administrators, and restored databases.

CREATE INDEX account_administrators ON account (created_at, id) WHERE role = 'admin';

-- Ranges of event numbers that were given before the database was restored from an older backup: after `after_seq`, up to
-- `through_seq`. No event has such a number any more, and none will.
CREATE TABLE lost_events (
    after_seq bigint CONSTRAINT lost_events_pkey PRIMARY KEY,
    through_seq bigint NOT NULL CONSTRAINT lost_events_range CHECK (through_seq > after_seq)
);

-- The id of this database, under which the number of its newest event is kept in Redis. The first start makes it: a copy of
-- a migrated database that was never used is a database of its own. At most one row.
CREATE TABLE database_id (
    the_only bigint NOT NULL CONSTRAINT database_id_pkey PRIMARY KEY
        CONSTRAINT database_id_only CHECK (the_only = 1),
    id uuid NOT NULL
);
