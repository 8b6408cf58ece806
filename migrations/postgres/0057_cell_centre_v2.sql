-- The centre of the cell that holds a place, as version 1 finds it, in a thirtieth of its time: a function in SQL that has a FROM
-- is planned anew for every call, and `numeric` rounds slowly. A census asks for a hundred cells, a list for one of each emergency.
--
-- crates/domain/src/grid.rs explains the geometry and decides. `height` is that of a cell in metres, which is cut into `parts` by
-- `parts` parts; `south` and `west` shift the grid, as fractions of a row and of a full circle.
CREATE FUNCTION cell_centre_v2(
    latitude double precision, longitude double precision, south double precision, west double precision,
    height double precision, parts integer
) RETURNS geography LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    -- The height of a row in degrees.
    high double precision := degrees(height / 6371008.8);
    rows_north double precision := (latitude + 90) / high + south;
    row_ double precision := floor(rows_north);
    -- The longer border of the row decides, so that no cell is wider than high.
    cells double precision := greatest(1, ceil(360 / high * greatest(
        cos(radians(least(90, greatest(-90, (row_ - south) * high - 90)))),
        cos(radians(least(90, greatest(-90, (row_ + 1 - south) * high - 90)))))));
    turn double precision := (longitude + 180) / 360 + west;
    columns_east double precision := (turn - floor(turn)) * cells;
    -- Rounding may reach the next whole number, which is no column.
    column_ double precision := least(floor(columns_east), cells - 1);
    north double precision := (row_ + (least(parts - 1, floor((rows_north - row_) * parts)) + 0.5) / parts - south) * high - 90;
    east double precision := (column_ + (least(parts - 1, floor((columns_east - column_) * parts)) + 0.5) / parts) / cells - west;
BEGIN
    RETURN ST_SetSRID(ST_MakePoint(
        round(((east - floor(east)) * 360 - 180) * 1000000) / 1000000,
        round(least(90, greatest(-90, north)) * 1000000) / 1000000
    ), 4326)::geography;
END
$$;
