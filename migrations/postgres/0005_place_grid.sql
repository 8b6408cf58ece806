-- The key of the grid by which places are shown before a helper accepts. It is made here, so that every node finds the same
-- one, and it never changes: with another grid, the cells of two emergencies from one home would show where they overlap.
-- Exactly one row.
CREATE TABLE place_grid (
    the_only bigint NOT NULL CONSTRAINT place_grid_pkey PRIMARY KEY CONSTRAINT place_grid_only CHECK (the_only = 1),
    -- The 122 random bits of a UUID.
    key uuid NOT NULL
);
INSERT INTO place_grid (the_only, key) VALUES (1, gen_random_uuid());

-- The centre of the cell that holds a place: crates/domain/src/grid.rs, which explains the geometry and decides. Lists are cut
-- off in SQL, and must be cut off by the places that are shown; a rounding error moves a place in the order, and no more.
-- `height` is that of a cell in metres, which is cut into `parts` by `parts` parts.
CREATE FUNCTION cell_centre_v1(
    latitude double precision, longitude double precision, south double precision, west double precision,
    height double precision, parts integer
) RETURNS geography LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ST_SetSRID(ST_MakePoint(
        round(((middle.east - floor(middle.east)) * 360 - 180)::numeric, 6)::double precision,
        round(least(90, greatest(-90, middle.north))::numeric, 6)::double precision
    ), 4326)::geography
    FROM (SELECT degrees(height / 6371008.8) AS degrees) AS cell
    CROSS JOIN LATERAL (SELECT (latitude + 90) / cell.degrees + south AS north) AS at
    CROSS JOIN LATERAL (
        SELECT greatest(1, ceil(360 / cell.degrees * greatest(
            cos(radians(least(90, greatest(-90, (floor(at.north) - south) * cell.degrees - 90)))),
            cos(radians(least(90, greatest(-90, (floor(at.north) + 1 - south) * cell.degrees - 90))))
        ))) AS count
    ) AS cells
    CROSS JOIN LATERAL (
        SELECT ((longitude + 180) / 360 + west - floor((longitude + 180) / 360 + west)) * cells.count AS east
    ) AS along
    CROSS JOIN LATERAL (
        SELECT
            (floor(at.north) + (least(parts - 1, floor((at.north - floor(at.north)) * parts)) + 0.5) / parts - south)
                * cell.degrees - 90 AS north,
            (least(floor(along.east), cells.count - 1)
                + (least(parts - 1, floor((along.east - least(floor(along.east), cells.count - 1)) * parts)) + 0.5)
                    / parts) / cells.count - west AS east
    ) AS middle
$$;
