-- What users are told about their sessions.

-- The program that got the last tokens, as it named itself.
alter table session add column user_agent text constraint session_user_agent_check check (length(user_agent) <= 200);
-- Null until the first refresh.
alter table session add column last_used_at integer;
