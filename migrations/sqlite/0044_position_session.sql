-- Which session sent the last position of an account: the place of an emergency follows its owner only if the session that raises
-- it was there. Null if it is not known, as of positions of before. Without a foreign key, since every report would have to check it.
--
-- The release before leaves both columns as they are when it stores a newer position: the session is that of the position only if
-- `session_at` is the time of the position.
alter table position add column session_id blob;
alter table position add column session_at integer;
