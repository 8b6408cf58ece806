#![no_main]

use std::{panic, sync::Once};

/// Replaces the hook of the fuzzer, which ends the process at a panic that the service catches.
static HOOK: Once = Once::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    HOOK.call_once(|| panic::set_hook(Box::new(|_| ())));
    allynet_fuzz::opening_hours(bytes);
});
