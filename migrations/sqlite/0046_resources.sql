-- Boxes with a defibrillator and other things that help, which administrators enter.
--
-- `osm_id` is the id of the entry of OpenStreetMap that a resource was imported from. `cell` is that of the grid in which the table of
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
    source        text    not null constraint resource_source_check check (source in ('manual', 'osm')),
    osm_id        text    constraint resource_osm_id_key unique,
    created_at    integer not null,
    cell          integer generated always as (
                      cast((latitude + 90) * 100 as integer) * 65536 + cast((longitude + 180) * 100 as integer)
                  ) virtual
) strict;

create index resource_cell on resource (cell);
