-- The ids of deleted accounts are erased a few at a time: one transaction is short, however many accounts were deleted at once.

-- As version 1, of at most `_limit` accounts.
CREATE FUNCTION erase_accounts_v2(_before timestamptz, _limit integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    due record;
    erased bigint := 0;
    alerted uuid[];
BEGIN
    FOR due IN
        SELECT e.user_id, e.former_id FROM account_erasure e WHERE e.deleted_at < _before
        ORDER BY e.user_id LIMIT _limit FOR UPDATE SKIP LOCKED
    LOOP
        alerted := alerts_of_account_v1(due.user_id);
        UPDATE alert SET helper_id = due.former_id WHERE helper_id = due.user_id AND emergency_id = ANY (alerted);
        PERFORM forget_in_events_v1(due.user_id, due.former_id,
            records_of_account_v1(due.former_id) || alerts_of_account_v1(due.former_id), 9223372036854775807);
        DELETE FROM account_erasure WHERE user_id = due.user_id;
        erased := erased + 1;
    END LOOP;
    RETURN erased;
END $$;
