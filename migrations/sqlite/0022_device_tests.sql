-- The test messages of a user, whichever of the devices they were for: a browser that subscribes anew is a new device, and would
-- begin to count again.

alter table account add column device_tests_from integer;
alter table account add column device_tests integer not null default 0;

create trigger device_tested after update of last_test_at on device when new.last_test_at is not old.last_test_at begin
    update account
    set device_tests = iif(device_tests_from > new.last_test_at - 3600000000, device_tests + 1, 1),
        device_tests_from = iif(device_tests_from > new.last_test_at - 3600000000, device_tests_from, new.last_test_at)
    where id = new.account_id;
end;

-- A new device begins with what its user has tested. One that was registered before keeps its own numbers.
create trigger device_registered after insert on device begin
    update device
    set (tests_from, tests) = (select a.device_tests_from, a.device_tests from account a where a.id = new.account_id)
    where id = new.id;
end;
