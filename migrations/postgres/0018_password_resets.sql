-- Emails to users, the first of which resets a forgotten password.

-- The language of messages to the user.
ALTER TABLE account ADD COLUMN locale text NOT NULL DEFAULT 'en'
    CONSTRAINT account_locale CHECK (locale IN ('en', 'de'));
