-- Which exact places administrators have read of other users.

create table access_log (
    -- The user whose place was read.
    user_id      blob    not null constraint access_log_account_fk references account (id) on delete cascade,
    -- Not bound to the emergency, which may be deleted since.
    emergency_id blob    not null constraint access_log_emergency_is_uuid check (length(emergency_id) = 16),
    -- The administrator. Not bound to the account, so that the entry stays when that is deleted.
    reader_id    blob    not null constraint access_log_reader_is_uuid check (length(reader_id) = 16),
    -- The number of the hour since 1970: there is one entry in it.
    hour         integer not null,
    at           integer not null,
    what         text    not null constraint access_log_what_check
                         check (what in ('emergency', 'list', 'timeline', 'helpers', 'room')),
    primary key (user_id, emergency_id, reader_id, hour)
) strict, without rowid;

create index access_log_by_time on access_log (user_id, at);
