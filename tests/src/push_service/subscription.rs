//! A subscription with its private key: what a browser keeps to itself. Encryption is done here by other libraries than in
//! the service.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::{PublicKey, SecretKey, ecdh::diffie_hellman, elliptic_curve::sec1::ToSec1Point as _};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

/// A subscription of a browser.
#[derive(Clone)]
pub struct Subscription {
    /// The last part of the endpoint.
    pub token: String,
    pub endpoint: String,
    private_key: SecretKey,
    auth: [u8; 16],
}

impl Subscription {
    pub(super) fn new(token: String, endpoint: String) -> Self {
        let (mut key, mut auth) = ([0; 32], [0; 16]);
        SystemRandom::new().fill(&mut key).unwrap();
        SystemRandom::new().fill(&mut auth).unwrap();
        Self { token, endpoint, private_key: SecretKey::from_slice(&key).unwrap(), auth }
    }

    /// The public key, as a browser gives it.
    pub fn p256dh(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.public_key())
    }

    /// The authentication secret, as a browser gives it.
    pub fn auth(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.auth)
    }

    fn public_key(&self) -> Vec<u8> {
        self.private_key.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// Decrypts a message (RFC 8291) of one record (RFC 8188). `None` if a browser would drop it.
    pub fn decrypt(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (salt, rest) = body.split_at_checked(16)?;
        let (record_size, rest) = rest.split_at_checked(4)?;
        let (key_length, rest) = rest.split_first()?;
        let (sender, record) = rest.split_at_checked(usize::from(*key_length))?;
        // Greater than the record (RFC 8291 §4).
        let record_size = usize::try_from(u32::from_be_bytes(record_size.try_into().ok()?)).ok()?;
        if record_size <= record.len() {
            return None;
        }
        let public_key = PublicKey::from_sec1_bytes(sender).ok()?;
        let shared = diffie_hellman(self.private_key.to_nonzero_scalar(), public_key.as_affine());
        let info = [b"WebPush: info\0", self.public_key().as_slice(), sender].concat();
        let input = expand(&mac(&self.auth, shared.raw_secret_bytes()), &info);
        let derived = mac(salt, &input);
        let key = expand(&derived, b"Content-Encoding: aes128gcm\0");
        let nonce = expand(&derived, b"Content-Encoding: nonce\0");
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..16]).ok()?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce[..12]).ok()?;
        let mut record = record.to_vec();
        let plaintext = key.open_in_place(nonce, Aad::empty(), &mut record).ok()?;
        // The delimiter of the last record, and zeros after it (RFC 8188 §2).
        let end = plaintext.iter().rposition(|byte| *byte != 0)?;
        (plaintext[end] == 2).then(|| plaintext[..end].to_vec())
    }
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

/// The first block of HKDF-Expand (RFC 5869 §2.3).
fn expand(key: &[u8], info: &[u8]) -> Vec<u8> {
    mac(key, &[info, &[1]].concat())
}
