-- The log is kept for a time. How far it is complete is written down with every removal, so that a client that comes
-- back after longer is told to read the state again, and not a log with holes. One row.

create table event_retention (
    the_only       integer not null primary key constraint event_retention_only_check check (the_only = 1),
    complete_since integer not null
) strict;

insert into event_retention (the_only, complete_since) values (1, 0);
