#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| allynet_fuzz::endpoint_urls(bytes));
