-- What a readiness probe writes: a value that changes each time, since SQLite does not write a page whose bytes stay the same.
create table write_probe (
    the_only integer not null primary key constraint write_probe_only_check check (the_only = 1),
    writes   integer not null
) strict;
insert into write_probe (the_only, writes) values (1, 0);
