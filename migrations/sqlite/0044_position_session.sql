-- Which session sent the last position of an account: the place of an emergency follows its owner only if the session that raises
-- it was there. Null if it is not known, as of positions of before. Without a foreign key, since every report would have to check it.

alter table position add column session_id blob;
