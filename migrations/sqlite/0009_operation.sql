-- What operators need: administrators, and restored databases.

create index account_administrator on account (created_at, id) where role = 'admin';

-- Ranges of event numbers that were given before the database was restored from an older backup: after `after_seq`, up to
-- `through_seq`. No event has such a number any more, and none will.
create table lost_events (
    after_seq   integer not null primary key,
    through_seq integer not null constraint lost_events_range_check check (through_seq > after_seq)
) strict;

-- The id of this database, under which the number of its newest event is kept in Redis. Not used with this database, whose
-- number is kept in a file beside it.
create table database_id (
    the_only integer not null primary key constraint database_id_only_check check (the_only = 1),
    id       blob    not null constraint database_id_is_uuid check (length(id) = 16)
) strict;
