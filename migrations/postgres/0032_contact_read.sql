-- A contact says that they have read the message: opening the page proves nothing, because mail programs open links by themselves.
ALTER TABLE contact_notice ADD COLUMN read_at timestamptz;
