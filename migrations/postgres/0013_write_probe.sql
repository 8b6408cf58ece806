-- What a readiness probe writes: a value that changes each time, since writing the same bytes again may write nothing.
CREATE TABLE write_probe (
    the_only bigint NOT NULL CONSTRAINT write_probe_pkey PRIMARY KEY
        CONSTRAINT write_probe_only CHECK (the_only = 1),
    writes bigint NOT NULL
);
INSERT INTO write_probe (the_only, writes) VALUES (1, 0);
