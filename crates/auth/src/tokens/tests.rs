//! The claims of tokens, and every reason to refuse one.

use super::*;
use allynet_domain::{HelperReputation, Name, Profile};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use ring::hmac;
use serde_json::{Value, json};

const SECRET: &str = "a secret of at least thirty-two bytes";
const HOUR: Duration = Duration::from_hours(1);

fn tokens() -> JwtTokens {
    JwtTokens::new(&SECRET.into(), HOUR, 24 * HOUR).unwrap()
}

fn at(micros: i64) -> Timestamp {
    DateTime::from_timestamp_micros(1_800_000_000_000_000 + micros).unwrap()
}

fn account() -> Account {
    let first_name = Name::parse("Ada").unwrap();
    Account {
        id: Uuid::from_u128(1).into(),
        email: "ada@example.org".parse().unwrap(),
        profile: Profile::new(first_name, None),
        role: Role::Helper,
        blocked: false,
        helper: None,
        reputation: HelperReputation::default(),
        blocks: Vec::new(),
        created_at: at(0),
    }
}

fn session() -> SessionId {
    Uuid::from_u128(2).into()
}

fn refresh_claims() -> RefreshClaims {
    let parent = Some(Uuid::from_u128(4).into());
    RefreshClaims { user: account().id, session: session(), token: Uuid::from_u128(3).into(), parent }
}

fn access_token() -> String {
    tokens().access(&account(), session(), at(0)).unwrap().expose().to_owned()
}

/// The claims of a token, not verified.
fn claims(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims
}

fn signed(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

#[test]
fn an_access_token_has_exactly_the_claims_of_the_contract() {
    let mut claims = claims(&access_token());
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(Uuid::try_parse(jti.as_str().unwrap()).is_ok());
    let id = account().id;
    assert_eq!(
        claims,
        json!({
            "sub": id, "userId": id, "email": "ada@example.org", "role": "helper", "sid": session(),
            "iat": 1_800_000_000, "exp": 1_800_003_600, "iss": ISSUER, "aud": ACCESS,
        })
    );
    assert_ne!(self::claims(&access_token())["jti"], jti, "each token has its own id");
}

#[test]
fn a_refresh_token_has_exactly_its_claims() {
    let token = tokens().refresh(&refresh_claims(), at(0)).unwrap();
    let RefreshClaims { user, session, token: jti, parent } = refresh_claims();
    assert_eq!(
        claims(token.expose()),
        json!({
            "sub": user, "sid": session, "jti": jti, "parent": parent,
            "iat": 1_800_000_000, "exp": 1_800_086_400, "iss": ISSUER, "aud": REFRESH,
        })
    );
}

#[test]
fn a_signed_token_is_verified() {
    let read = tokens().read_access(&access_token(), at(0)).unwrap();
    let expires_at = at(3_600_000_000);
    assert_eq!(read, AccessClaims { user: account().id, session: session(), expires_at });

    for parent in [refresh_claims().parent, None] {
        let claims = RefreshClaims { parent, ..refresh_claims() };
        let token = tokens().refresh(&claims, at(0)).unwrap();
        let expires_at = at(86_400_000_000);
        assert_eq!(tokens().read_refresh(token.expose()), Ok(RefreshToken { claims, expires_at }));
    }
}

#[test]
fn neither_kind_is_accepted_as_the_other() {
    let refresh = tokens().refresh(&refresh_claims(), at(0)).unwrap();
    assert_eq!(tokens().read_access(refresh.expose(), at(0)), Err(TokenError::Invalid));
    assert_eq!(tokens().read_refresh(&access_token()), Err(TokenError::Invalid));

    // Not even one that has all the claims of the other kind, but its own audience.
    let mut both = claims(&access_token());
    both["aud"] = json!(REFRESH);
    let both = signed(&Header::new(ALGORITHM), &both, SECRET);
    assert_eq!(tokens().read_access(&both, at(0)), Err(TokenError::Invalid));
    assert!(tokens().read_refresh(&both).is_ok(), "the audience alone decides");
}

#[test]
fn a_token_expires_at_its_exp_by_the_given_clock() {
    for (now, access) in [(3_599_999_999, Ok(())), (3_600_000_000, Err(TokenError::Expired))] {
        assert_eq!(tokens().read_access(&access_token(), at(now)).map(drop), access, "{now}");
    }
}

#[test]
fn an_expired_token_with_a_bad_signature_is_invalid() {
    let forged = signed(&Header::new(ALGORITHM), &claims(&access_token()), "another secret of at least 32 bytes");
    for now in [0, 3_600_000_000] {
        assert_eq!(tokens().read_access(&forged, at(now)), Err(TokenError::Invalid));
    }
}

#[test]
fn no_other_algorithm_is_accepted() {
    let token = access_token();
    let (_, payload_and_signature) = token.split_once('.').unwrap();
    let (payload, _) = payload_and_signature.split_once('.').unwrap();
    // {"typ":"JWT","alg":"none"}
    let none = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";
    // The right key, and a signature that is right for the algorithm named.
    let of_the_key = |name: &str, algorithm| {
        let signing_input =
            format!("{}.{payload}", URL_SAFE_NO_PAD.encode(json!({ "typ": "JWT", "alg": name }).to_string()));
        let tag = hmac::sign(&hmac::Key::new(algorithm, SECRET.as_bytes()), signing_input.as_bytes());
        format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let genuine = of_the_key("HS256", hmac::HMAC_SHA256);
    assert!(tokens().read_access(&genuine, at(0)).is_ok(), "{genuine}");
    for forged in [
        format!("{none}.{payload}."),
        format!("{none}.{payload_and_signature}"),
        of_the_key("HS384", hmac::HMAC_SHA384),
        of_the_key("HS512", hmac::HMAC_SHA512),
    ] {
        assert_eq!(tokens().read_access(&forged, at(0)), Err(TokenError::Invalid), "{forged}");
    }
}

#[test]
fn a_token_is_refused_when_any_byte_of_it_is_changed() {
    let token = access_token();
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(bytes).unwrap();
        assert_eq!(tokens().read_access(&tampered, at(0)), Err(TokenError::Invalid), "byte {index}");
    }
    for malformed in ["", ".", "..", "null", "a.b.c", &token[1..], &format!("{token}.{token}")] {
        assert_eq!(tokens().read_access(malformed, at(0)), Err(TokenError::Invalid), "{malformed}");
    }
}

#[test]
fn every_claim_is_required_and_the_issuer_is_checked() {
    for claim in ["sub", "sid", "iat", "exp", "iss", "aud", "jti"] {
        let mut claims = claims(&access_token());
        claims.as_object_mut().unwrap().remove(claim);
        let token = signed(&Header::new(ALGORITHM), &claims, SECRET);
        assert_eq!(tokens().read_access(&token, at(0)), Err(TokenError::Invalid), "without {claim}");
    }
    for (claim, wrong) in [
        ("iss", json!("somebody")),
        ("sub", json!("nobody")),
        ("exp", json!(i64::MAX)),
        ("exp", json!(-1.5)),
        ("exp", json!("tomorrow")),
    ] {
        let mut claims = claims(&access_token());
        claims[claim] = wrong;
        let token = signed(&Header::new(ALGORITHM), &claims, SECRET);
        assert_eq!(tokens().read_access(&token, at(0)), Err(TokenError::Invalid), "{claim}");
    }
}

#[test]
fn a_short_secret_or_a_lifetime_below_a_second_is_refused() {
    let error = |secret: &str, ttl| JwtTokens::new(&secret.into(), HOUR, ttl).err();
    assert_eq!(error(&SECRET[..31], HOUR), Some(TokenSettingsError::Secrets(InvalidSecrets::Short)));
    assert_eq!(error(&SECRET[..32], HOUR), None);
    assert_eq!(error(SECRET, Duration::from_millis(999)), Some(TokenSettingsError::Lifetime));
    assert_eq!(error(SECRET, Duration::MAX), Some(TokenSettingsError::Lifetime));
}

#[test]
fn every_secret_verifies_and_the_first_one_signs() {
    let (old, new) = (SECRET.replace(' ', "-"), "k".repeat(32));
    let secrets = ServiceSecrets::parse(&old.clone().into()).unwrap();
    let tokens = JwtTokens::with_secrets(secrets.clone(), HOUR, HOUR).unwrap();
    let issue = || tokens.access(&account(), session(), at(0)).unwrap();
    let issued_before = issue();
    let replace = |text: String| secrets.replace_by(&ServiceSecrets::parse(&text.into()).unwrap());
    replace(format!("{new} {old}"));
    let issued_after = issue();
    for token in [&issued_before, &issued_after] {
        assert!(tokens.read_access(token.expose(), at(0)).is_ok());
    }
    replace(new);
    assert!(tokens.read_access(issued_after.expose(), at(0)).is_ok());
    assert_eq!(tokens.read_access(issued_before.expose(), at(0)), Err(TokenError::Invalid));
}
