-- A node of the release before stores an emergency to which helpers respond without the time of the next question and of the next
-- decision, which it does not know. Nodes of this release set one: whatever is in this index is due.
CREATE INDEX emergency_without_timer ON emergency (updated_at, id) WHERE status = 'responding' AND resume_at IS NULL;
