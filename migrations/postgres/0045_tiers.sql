-- What an administrator has checked of a helper: how far the account was checked, and skills until when.
--
-- `tier` is null for an account that was verified by a node of a release before, or never: a verified one counts as registered.
-- `checked_skills` is a list of {name, until}, or null without any; `until` is null for a skill that does not expire.
ALTER TABLE account
    ADD COLUMN tier text CONSTRAINT account_tier_check CHECK (tier IN ('public', 'registered', 'professional')),
    ADD COLUMN checked_skills jsonb;
