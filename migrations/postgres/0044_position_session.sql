-- Which session sent the last position of an account: the place of an emergency follows its owner only if the session that raises
-- it was there. Null if it is not known, as of positions of before. Without a foreign key, since every report would have to check it.
--
-- Nodes of the release before leave both columns as they are when they store a newer position: the session is that of the position
-- only if `session_at` is the time of the position.
ALTER TABLE position ADD COLUMN session_id uuid;
ALTER TABLE position ADD COLUMN session_at timestamptz;
