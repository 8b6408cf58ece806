-- The release before stored an emergency to which helpers respond without the time of the next question and of the next decision, which
-- it did not know. This release sets one: whatever is in this index is due.
create index emergency_without_timer on emergency (status, updated_at, id) where status = 'responding' and resume_at is null;
