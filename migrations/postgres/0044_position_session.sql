-- Which session sent the last position of an account: the place of an emergency follows its owner only if the session that raises
-- it was there. Null if it is not known: positions of before, and of nodes of the release before. Without a foreign key, since
-- every report would have to check it.
ALTER TABLE position ADD COLUMN session_id uuid;
