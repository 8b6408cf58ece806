-- The test messages of a user, whichever of the devices they were for: a browser that subscribes anew is a new device, and would
-- begin to count again.

ALTER TABLE account
    ADD COLUMN device_tests_from timestamptz,
    ADD COLUMN device_tests integer NOT NULL DEFAULT 0;

CREATE FUNCTION count_device_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account a SET
        device_tests = CASE WHEN a.device_tests_from > NEW.last_test_at - interval '1 hour' THEN a.device_tests + 1 ELSE 1 END,
        device_tests_from = CASE WHEN a.device_tests_from > NEW.last_test_at - interval '1 hour' THEN a.device_tests_from
            ELSE NEW.last_test_at END
    WHERE a.id = NEW.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER device_tested AFTER UPDATE OF last_test_at ON device
    FOR EACH ROW WHEN (NEW.last_test_at IS DISTINCT FROM OLD.last_test_at) EXECUTE FUNCTION count_device_test();

-- A new device begins with what its user has tested. One that was registered before keeps its own numbers.
CREATE FUNCTION begin_device_tests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT a.device_tests_from, a.device_tests INTO NEW.tests_from, NEW.tests FROM account a WHERE a.id = NEW.account_id;
    RETURN NEW;
END $$;
CREATE TRIGGER device_registered BEFORE INSERT ON device FOR EACH ROW EXECUTE FUNCTION begin_device_tests();
