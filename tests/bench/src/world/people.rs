//! Ids and tokens of users by number. The statements compute ids in the same way.

use std::time::Duration;

use allynet_auth::JwtTokens;
use allynet_domain::{Account, HelperReputation, Name, Profile, Role, Timestamp, UserId, port::Tokens as _};
use uuid::Uuid;

/// The key that signs tokens, for the servers and for the benchmark.
pub(crate) const SECRET: &str = "the benchmarks sign their tokens with this";
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);
/// The first byte of an id, by kind. The rest makes it a UUID of version 7.
const PERSON_PREFIX: u128 = 0x0a;
const SESSION_PREFIX: u128 = 0x05;
const EMERGENCY_PREFIX: u128 = 0x0e;

fn id(of: u128, number: usize) -> Uuid {
    Uuid::from_u128((of << 120) | (0x7000_8000 << 48) | number as u128)
}

/// The id of a user.
pub(crate) fn person(number: usize) -> Uuid {
    id(PERSON_PREFIX, number)
}

/// The id of an emergency in the archive.
pub(crate) fn emergency(number: usize) -> Uuid {
    id(EMERGENCY_PREFIX, number)
}

/// Signs access tokens like the services.
pub(crate) struct Tokens {
    signing: JwtTokens,
    account: Account,
}

impl Tokens {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let signing = JwtTokens::new(&SECRET.to_owned().into(), TOKEN_LIFETIME, TOKEN_LIFETIME)?;
        let profile = Profile::new(Name::parse("Somebody")?, None);
        let account = Account {
            id: UserId::from(person(0)),
            email: "somebody@example.org".parse()?,
            profile,
            role: Role::User,
            blocked: false,
            helper: None,
            reputation: HelperReputation::default(),
            blocks: Vec::new(),
            created_at: now(),
        };
        Ok(Self { signing, account })
    }

    /// The token of a user.
    pub(crate) fn of(&self, number: usize) -> anyhow::Result<String> {
        let account = Account { id: person(number).into(), ..self.account.clone() };
        let token = self.signing.access(&account, id(SESSION_PREFIX, number).into(), now())?;
        Ok(token.expose().to_owned())
    }
}

#[expect(clippy::disallowed_methods, reason = "the servers are real, and tokens must be good now")]
pub(crate) fn now() -> Timestamp {
    chrono::Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_the_statements_compute() {
        assert_eq!(person(255).to_string(), "0a000000-0000-7000-8000-0000000000ff");
        assert_eq!(emergency(1_000_000).to_string(), "0e000000-0000-7000-8000-0000000f4240");
    }

    #[test]
    fn each_person_has_a_different_token() {
        let tokens = Tokens::new().unwrap();
        assert_ne!(tokens.of(1).unwrap(), tokens.of(2).unwrap());
    }
}
