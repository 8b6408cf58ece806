//! The cryptography of `jsonwebtoken`: HMAC-SHA-256 of `ring` for our own tokens, ECDSA with P-256 and SHA-256 of `ring` for
//! signing what identifies this service to others, and nothing else.
//!
//! The backends that come with that crate also bring RSA, whose implementation leaks its key by timing
//! (RUSTSEC-2023-0071). `ring` is in the program already, for TLS.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use signature::{Signer, Verifier};

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// Makes this the cryptography of `jsonwebtoken` in this process. Calls after the first have no effect.
///
/// A provider that the program installed before stays.
pub(crate) fn install() {
    PROVIDER.install_default().ok();
}

struct HmacSha256(hmac::Key);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is that of `CryptoProvider`")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if (*algorithm, key.family()) == (Algorithm::ES256, AlgorithmFamily::Ec) {
        let key_pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_bytes(), &SystemRandom::new());
        return Ok(Box::new(EcdsaP256(key_pair.map_err(|_| ErrorKind::InvalidEcdsaKey)?)));
    }
    expect_hs256(*algorithm, key.family())?;
    Ok(Box::new(HmacSha256(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is that of `CryptoProvider`")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    expect_hs256(*algorithm, key.family())?;
    Ok(Box::new(HmacSha256(hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?))))
}

/// An asymmetric key must never be the secret of an HMAC, or the public key would be enough to sign.
fn expect_hs256(algorithm: Algorithm, family: AlgorithmFamily) -> Result<()> {
    match (algorithm, family) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(()),
        (Algorithm::HS256, _) => Err(ErrorKind::InvalidKeyFormat.into()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

impl Signer<Vec<u8>> for HmacSha256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

struct EcdsaP256(EcdsaKeyPair);

impl Signer<Vec<u8>> for EcdsaP256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| signature::Error::new())?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for EcdsaP256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

impl Verifier<Vec<u8>> for HmacSha256 {
    /// Compares in constant time.
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    /// Test case 2 of RFC 4231, §4.3.
    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let expected = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let message = b"what do ya want for nothing?";
        let signed = signer(&Algorithm::HS256, &EncodingKey::from_secret(b"Jefe")).unwrap().sign(message);
        assert_eq!(signed, expected);
        let verifier = verifier(&Algorithm::HS256, &DecodingKey::from_secret(b"Jefe")).unwrap();
        assert!(verifier.verify(message, &expected).is_ok());
        for wrong in [&expected[1..], &expected[..31], &[], &[0; 32]] {
            assert!(verifier.verify(message, &wrong.to_vec()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn another_algorithm_or_an_asymmetric_key_is_refused() {
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(signer(&algorithm, &EncodingKey::from_secret(b"Jefe")).is_err(), "{algorithm:?}");
            assert!(verifier(&algorithm, &DecodingKey::from_secret(b"Jefe")).is_err(), "{algorithm:?}");
        }
        assert!(verifier(&Algorithm::HS256, &DecodingKey::from_rsa_der(b"Jefe")).is_err());
        assert!(signer(&Algorithm::HS256, &EncodingKey::from_ec_der(b"Jefe")).is_err());
        assert!(signer(&Algorithm::ES256, &EncodingKey::from_ec_der(b"Jefe")).is_err());
    }
}
