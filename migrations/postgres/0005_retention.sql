-- The log is kept for a time. How far it is complete is written down with every removal, so that a client that comes
-- back after longer is told to read the state again, and not a log with holes. One row.

CREATE TABLE event_retention (
    the_only bigint NOT NULL CONSTRAINT event_retention_pkey PRIMARY KEY
        CONSTRAINT event_retention_only CHECK (the_only = 1),
    complete_since bigint NOT NULL
);

INSERT INTO event_retention (the_only, complete_since) VALUES (1, 0);
