-- An emergency may be deleted right after it ended, before every node has told its clients of the end. So its part of
-- the log outlives it for a moment: what is to be erased is noted here, and erased when all nodes have read it.
create table erasure (
    emergency_id blob    not null constraint erasure_pk primary key,
    deleted_at   integer not null
) strict, without rowid;
