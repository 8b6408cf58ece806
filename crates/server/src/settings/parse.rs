//! Parsing of values, and of the environment as a whole.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use clap::builder::Resettable;

/// Makes an environment variable that is set to the empty string count as absent: container tools cannot pass one as unset.
pub(super) fn ignore_empty_variables(
    command: clap::Command,
    read: impl Fn(&OsStr) -> Option<OsString>,
) -> clap::Command {
    command.mut_args(|argument| {
        let is_empty = argument.get_env().and_then(&read).is_some_and(|value| value.is_empty());
        if is_empty { argument.env(Resettable::Reset) } else { argument }
    })
}

/// Parses durations such as `90s`, `15m`, `24h`, `7d`. Longer units than days are refused, as months and years have no
/// fixed length; so is less than a second, as `0` is a typing error.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    let units_known = text.bytes().all(|byte| byte.is_ascii_digit() || b"smhd".contains(&byte));
    let duration = humantime::parse_duration(text).ok().filter(|duration| *duration >= Duration::from_secs(1));
    duration.filter(|_| units_known).ok_or("must be a duration of at least a second, like 90s, 15m, 24h or 7d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_are_not_zero() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(duration("24h"), Ok(Duration::from_hours(24)));
        assert_eq!(duration("7d"), Ok(Duration::from_hours(7 * 24)));
        for wrong in [
            "",
            "90",
            "s",
            "0",
            "0s",
            "-1s",
            "1.5h",
            "1w",
            "1y",
            "99999999999999999999d",
            "300000000000000000d",
            "1é",
            "999ms",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
