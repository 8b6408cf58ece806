//! Encryption of a push for its device (RFC 8291) in one record (RFC 8188).
//!
//! Every body has the same length, so that its size does not tell what kind of message it is.

use allynet_domain::port::{PushPayload, PushSubscription};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand::{SecureRandom, SystemRandom},
};

/// Length of a body whose plaintext fits.
const BODY_BYTES: usize = 1_024;
/// Length of a body with a longer plaintext: the most that a push service must accept (RFC 8030 §7.2).
const MAX_BODY_BYTES: usize = 4_096;
/// Salt, record size, length of the key, and the key of the sender.
const HEADER_BYTES: usize = 16 + 4 + 1 + 65;
const TAG_BYTES: usize = 16;
/// The record size in the header. It must be greater than the only record (RFC 8291 §4), whatever the body's length.
const RECORD_SIZE: u32 = 4_096;
/// What follows the plaintext in the last record (RFC 8188 §2).
const LAST_RECORD: u8 = 2;

/// Whether a value is the public key of a browser: an uncompressed point of P-256.
pub(super) fn is_public_key(p256dh: &[u8; 65]) -> bool {
    // The key agreement refuses whatever is not a point of the curve.
    shared_secret(p256dh, &SystemRandom::new()).is_ok()
}

/// Encrypts a plaintext for a subscription, with a new key and a new salt. The body is 1,024 bytes long, or 4,096 for a
/// plaintext of more than 921.
///
/// # Errors
/// Returns an error if the key of the subscription is not a point of P-256.
pub(super) fn encrypt(subscription: &PushSubscription, payload: &PushPayload) -> Result<Vec<u8>, Unspecified> {
    let random = SystemRandom::new();
    let (public_key, shared_secret) = shared_secret(subscription.p256dh(), &random)?;
    let mut salt = [0; 16];
    random.fill(&mut salt)?;
    let keys = MessageKeys { sender: &public_key, shared_secret: &shared_secret, salt: &salt };
    let overhead = HEADER_BYTES + 1 + TAG_BYTES;
    let plaintext = payload.as_bytes();
    let length = if plaintext.len() + overhead <= BODY_BYTES { BODY_BYTES } else { MAX_BODY_BYTES };
    // `PushPayload` is never longer than fits.
    keys.encrypt(subscription, plaintext, length.saturating_sub(plaintext.len() + overhead))
}

/// A new key pair's public half, and the secret that it shares with the key of the browser.
fn shared_secret(p256dh: &[u8; 65], random: &SystemRandom) -> Result<([u8; 65], [u8; 32]), Unspecified> {
    let private_key = EphemeralPrivateKey::generate(&ECDH_P256, random)?;
    let public_key = private_key.compute_public_key()?;
    let public_key = public_key.as_ref().try_into().map_err(|_| Unspecified)?;
    let browser = UnparsedPublicKey::new(&ECDH_P256, p256dh);
    let secret = agree_ephemeral(private_key, &browser, |secret| secret.try_into().map_err(|_| Unspecified))??;
    Ok((public_key, secret))
}

/// What is new for every message.
struct MessageKeys<'a> {
    sender: &'a [u8; 65],
    shared_secret: &'a [u8; 32],
    salt: &'a [u8; 16],
}

impl MessageKeys<'_> {
    /// The header and the only record, with `padding` zeros after the plaintext.
    fn encrypt(
        &self,
        subscription: &PushSubscription,
        plaintext: &[u8],
        padding: usize,
    ) -> Result<Vec<u8>, Unspecified> {
        let (key, nonce) = self.derive(subscription)?;
        let mut record = Vec::with_capacity(plaintext.len() + 1 + padding + TAG_BYTES);
        record.extend_from_slice(plaintext);
        record.push(LAST_RECORD);
        record.resize(record.len() + padding, 0);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)?;
        let mut body = Vec::with_capacity(HEADER_BYTES + record.len());
        body.extend_from_slice(self.salt);
        body.extend_from_slice(&RECORD_SIZE.to_be_bytes());
        body.push(65);
        body.extend_from_slice(self.sender);
        body.append(&mut record);
        Ok(body)
    }

    /// The content encryption key and the nonce (RFC 8291 §3.4).
    fn derive(&self, subscription: &PushSubscription) -> Result<([u8; 16], [u8; 12]), Unspecified> {
        let authenticated = Salt::new(HKDF_SHA256, subscription.auth()).extract(self.shared_secret);
        let info: &[&[u8]] = &[b"WebPush: info\0", subscription.p256dh(), self.sender];
        let mut input = [0; 32];
        authenticated.expand(info, Length(input.len()))?.fill(&mut input)?;
        let derived = Salt::new(HKDF_SHA256, self.salt).extract(&input);
        let (mut key, mut nonce) = ([0; 16], [0; 12]);
        derived.expand(&[b"Content-Encoding: aes128gcm\0"], Length(key.len()))?.fill(&mut key)?;
        derived.expand(&[b"Content-Encoding: nonce\0"], Length(nonce.len()))?.fill(&mut nonce)?;
        Ok((key, nonce))
    }
}

/// A number of bytes to derive.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn decode<const N: usize>(text: &str) -> [u8; N] {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
    }

    /// The subscription of RFC 8291, §5.
    fn subscription() -> PushSubscription {
        let p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        PushSubscription::new("https://push.example".to_owned(), decode(p256dh), decode("BTBZMqHH6r4Tts7J_aSIgg"))
    }

    #[test]
    fn the_body_is_that_of_rfc_8291() {
        let sender = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        let keys = MessageKeys {
            sender: &decode(sender),
            shared_secret: &decode("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
            salt: &decode("DGv6ra1nlYgDCS1FRnbzlw"),
        };
        let body = keys.encrypt(&subscription(), b"When I grow up, I want to be a watermelon", 0).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w\
                        EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(body), expected);
    }

    #[test]
    fn every_body_is_1024_bytes_long_where_the_text_fits() {
        for (plaintext, expected) in [(0, 1_024), (1, 1_024), (921, 1_024), (922, 4_096), (3_993, 4_096)] {
            let body = encrypt(&subscription(), &PushPayload::new(vec![b'x'; plaintext]).unwrap()).unwrap();
            assert_eq!(body.len(), expected, "{plaintext}");
            let record_size = u32::from_be_bytes(body[16..20].try_into().unwrap());
            assert!(record_size as usize > body.len() - HEADER_BYTES, "RFC 8291, §4");
        }
    }

    #[test]
    fn every_message_has_a_key_and_a_salt_of_its_own() {
        let payload = PushPayload::new(b"the same".to_vec()).unwrap();
        let [one, other] = [(), ()].map(|()| encrypt(&subscription(), &payload).unwrap());
        assert_ne!(one[..16], other[..16]);
        assert_ne!(one[21..86], other[21..86]);
    }

    #[test]
    fn only_a_point_of_the_curve_is_a_public_key() {
        let valid = *subscription().p256dh();
        assert!(is_public_key(&valid));
        let mut off_curve = valid;
        off_curve[64] ^= 1;
        let mut compressed = valid;
        compressed[0] = 2;
        let mut infinity = [0; 65];
        infinity[0] = 4;
        for invalid in [off_curve, compressed, infinity, [0; 65], [255; 65]] {
            assert!(!is_public_key(&invalid), "{invalid:?}");
        }
    }
}
