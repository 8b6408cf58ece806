-- What is removed is found by its age. Apart from the change of tables (0050), whose lock stops readers too: these stop writers only, and
-- those of emergencies, which come last, for the shortest time.
CREATE INDEX login_address_by_age ON login_address (last_login_at);
CREATE INDEX password_reset_by_age ON password_reset (created_at);
CREATE INDEX access_log_by_age ON access_log (at);
CREATE INDEX account_former ON account (deleted_at) WHERE former_email_hash IS NOT NULL;
CREATE INDEX session_by_last_use ON session (coalesce(revoked_at, last_used_at, created_at));
-- Also of those that are revoked: they are deleted with the account.
CREATE INDEX session_of_account ON session (account_id);
CREATE INDEX emergency_retention ON emergency (ended_at, id) WHERE thinned_at IS NULL AND ended_at IS NOT NULL;
