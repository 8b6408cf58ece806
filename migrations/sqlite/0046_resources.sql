-- Boxes with a defibrillator and other things that help, which administrators enter.
--
-- `osm_id` is the id of the entry of OpenStreetMap that a resource was imported from. An import leaves those alone that an administrator
-- has changed since, whose source is `manual`. `reported_at` is the time of the newest report. `cell` is that of the grid in which the table of
-- positions lies (0001): an index of it finds what is near.
create table resource (
    id            blob    not null primary key constraint resource_id_is_uuid check (length(id) = 16),
    kind          text    not null constraint resource_kind_check
                          check (kind in ('aed', 'naloxone', 'first_aid_kit', 'extinguisher', 'other')),
    latitude      real    not null constraint resource_latitude_check check (latitude between -90 and 90),
    longitude     real    not null constraint resource_longitude_check check (longitude between -180 and 180),
    address       text,
    access        text    not null constraint resource_access_check
                          check (access in ('public', 'customers', 'private', 'unknown')),
    opening_hours text,
    indoor        integer constraint resource_indoor_check check (indoor in (0, 1)),
    level         text,
    description   text,
    phone         text,
    status        text    not null constraint resource_status_check
                          check (status in ('available', 'missing', 'unusable')),
    checked_at    integer,
    reported_at   integer,
    source        text    not null constraint resource_source_check check (source in ('manual', 'osm')),
    osm_id        text    constraint resource_osm_id_key unique,
    created_at    integer not null,
    cell          integer generated always as (
                      cast((latitude + 90) * 100 as integer) * 65536 + cast((longitude + 180) * 100 as integer)
                  ) virtual
) strict;

create index resource_cell on resource (cell);

-- What users saw of a resource: the newest report of each. Reports by helpers count together for 30 days.
create table resource_report (
    resource_id blob    not null constraint resource_report_resource_id_fkey references resource (id) on delete cascade,
    reporter_id blob    not null constraint resource_report_reporter_id_fkey references account (id) on delete cascade,
    state       text    not null constraint resource_report_state_check check (state in ('missing', 'unusable', 'moved', 'ok')),
    note        text,
    is_counted  integer not null constraint resource_report_is_counted_check check (is_counted in (0, 1)),
    reported_at integer not null,
    constraint resource_report_pkey primary key (resource_id, reporter_id)
) strict, without rowid;
create index resource_report_by_reporter on resource_report (reporter_id, reported_at);
create index resource_report_by_age on resource_report (reported_at);
