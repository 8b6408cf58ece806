-- The key of the grid by which places are shown before a helper accepts. It is made here and never changes: with another
-- grid, the cells of two emergencies from one home would show where they overlap. Exactly one row.
create table place_grid (
    the_only integer not null primary key constraint place_grid_only_check check (the_only = 1),
    -- 16 random bytes.
    key      blob    not null constraint place_grid_key_check check (length(key) = 16)
) strict;

insert into place_grid (the_only, key) values (1, randomblob(16));
