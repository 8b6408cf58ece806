//! The port [`LinkTokens`]: tokens that consist of an id and its signature, so that none has to be stored.

use allynet_domain::{
    Secret,
    port::{LinkPurpose, LinkTokens},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::HmacHasher;

const ID_BYTES: usize = 16;

/// What is signed. The first byte keeps it apart from what [`HmacHasher`] hashes, the second one purpose from another.
fn signed(purpose: LinkPurpose, id: &[u8]) -> Vec<u8> {
    let purpose = match purpose {
        LinkPurpose::ConfirmContact => b'c',
        LinkPurpose::StopContact => b's',
        LinkPurpose::StopAlerts => b'a',
        LinkPurpose::ContactPage => b'p',
    };
    [&[b'l', purpose], id].concat()
}

impl LinkTokens for HmacHasher {
    fn sign(&self, purpose: LinkPurpose, id: Uuid) -> Secret {
        let signature = self.sign_text(&signed(purpose, id.as_bytes()));
        Secret::new(BASE64_URL_SAFE_NO_PAD.encode([id.as_bytes(), signature.as_ref()].concat()))
    }

    fn verify(&self, purpose: LinkPurpose, token: &str) -> Option<Uuid> {
        let octets = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, signature) = octets.split_at_checked(ID_BYTES)?;
        if !self.verify_text(&signed(purpose, id), signature) {
            return None;
        }
        Uuid::from_slice(id).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_purpose_and_its_key_only() {
        let hasher = HmacHasher::new(&"a secret of more than thirty-two bytes".to_owned().into());
        let other = HmacHasher::new(&"another secret of more than 32 bytes".to_owned().into());
        let id = Uuid::from_u128(7);
        let token = hasher.sign(LinkPurpose::ConfirmContact, id);
        assert_eq!(hasher.verify(LinkPurpose::ConfirmContact, token.expose()), Some(id));
        assert_eq!(hasher.sign(LinkPurpose::ConfirmContact, id), token, "the same each time");
        assert_eq!(hasher.verify(LinkPurpose::StopContact, token.expose()), None);
        assert_eq!(other.verify(LinkPurpose::ConfirmContact, token.expose()), None);
        let truncated = &token.expose()[..token.expose().len() - 2];
        let forged = BASE64_URL_SAFE_NO_PAD.encode([Uuid::from_u128(8).as_bytes().as_slice(), &[0; 32]].concat());
        for wrong in ["", "x", truncated, &forged, "AAAAAAAAAAAAAAAAAAAAAA", "é", &format!("{}=", token.expose())] {
            assert_eq!(hasher.verify(LinkPurpose::ConfirmContact, wrong), None, "{wrong}");
        }
    }
}
