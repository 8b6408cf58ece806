//! Whether an alert would reach a helper, and what to mend if not.

use crate::{
    Actor, Availability, Device, DeviceState, Error, Refusal, Timestamp,
    port::Reachability,
    string_enum,
    usecase::{Rules, devices::DevicePorts},
};

string_enum! {
    /// Why alerts may not reach a helper.
    ReadinessProblem {
        NoDevice = "no_device",
        DeviceFailing = "device_failing",
        PositionOld = "position_old",
        Unverified = "unverified",
        QuietNow = "quiet_now",
        Paused = "paused",
        NeverTested = "never_tested",
        SkillExpired = "skill_expired",
    }
}

/// What stands between the caller and the next alert, in the order of [`ReadinessProblem::ALL`]; nothing for a helper that is ready.
///
/// # Errors
/// [`Refusal::NotAHelper`] for an account without a helper record.
pub async fn problems(cx: &DevicePorts, rules: &Rules, actor: &Actor) -> Result<Vec<ReadinessProblem>, Error> {
    let helper = actor.account.helper.as_ref().ok_or(Refusal::NotAHelper)?;
    let Reachability { devices, located_at } = cx.devices.reachability(actor.id()).await?;
    let now = cx.clock.now();
    let key = cx.push.as_ref().map(|push| push.identity.public_key());
    let is_active = |device: &Device| device.state(key.as_ref()) == DeviceState::Active;
    let (availability, _) = helper.preferences.availability(true, now);
    let is_fresh = |at: Timestamp| at >= rules.fresh_since(now);
    let is_there = |problem: &ReadinessProblem| match problem {
        ReadinessProblem::NoDevice => devices.is_empty(),
        // One that works is enough.
        ReadinessProblem::DeviceFailing => !devices.is_empty() && !devices.iter().any(is_active),
        ReadinessProblem::PositionOld => !located_at.is_some_and(is_fresh),
        ReadinessProblem::Unverified => !actor.account.may_help(rules.helpers),
        ReadinessProblem::QuietNow => availability == Availability::Quiet,
        ReadinessProblem::Paused => availability == Availability::Paused,
        ReadinessProblem::NeverTested => {
            !devices.is_empty() && devices.iter().all(|device| device.last_delivered_at.is_none())
        }
        ReadinessProblem::SkillExpired => helper.checked_skills.iter().any(|skill| !skill.is_valid(now)),
    };
    Ok(ReadinessProblem::ALL.iter().copied().filter(is_there).collect())
}

#[cfg(test)]
mod tests;
