//! The key that reports are signed with, and what it is known by.

use crate::canonical::{hex, sha256, unhex};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;

/// What comes before the 32 bytes in a SubjectPublicKeyInfo of Ed25519 (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A key that signs. Made and kept by whoever signs: PKCS#8, as `ring` writes it.
pub struct SigningKey(Ed25519KeyPair);

/// The half of it that everybody may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// What a person holds on to: the key itself, or its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    Key(PublicKey),
    /// `sha256:` and 64 hexadecimal digits.
    Fingerprint(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("this is no Ed25519 key in PKCS#8: {0}")]
    Private(String),
    #[error("expected a fingerprint (sha256: and 64 hexadecimal digits) or a public Ed25519 key in PEM")]
    Public,
}

impl SigningKey {
    /// # Errors
    /// The bytes are no such key.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
            .map(Self)
            .map_err(|error| KeyError::Private(error.to_string()))
    }

    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }

    pub(crate) fn sign(&self, text: &[u8]) -> String {
        hex(self.0.sign(text).as_ref())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public().fingerprint()).finish()
    }
}

impl PublicKey {
    /// `sha256:` and the hash of the key's 32 bytes.
    pub fn fingerprint(&self) -> String {
        format!("sha256:{}", sha256(&self.0))
    }

    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(unhex(text)?.try_into().ok()?))
    }

    /// As other tools read it, for example OpenSSL.
    pub fn to_pem(&self) -> String {
        let der = [&SPKI[..], &self.0].concat();
        format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(der))
    }

    /// # Errors
    /// The text is no public Ed25519 key in PEM.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: String = body.ok_or(KeyError::Public)?.split_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).map_err(|_| KeyError::Public)?;
        let key = der.strip_prefix(&SPKI).and_then(|key| key.try_into().ok());
        key.map(Self).ok_or(KeyError::Public)
    }

    pub(crate) fn has_signed(&self, text: &[u8], signature: &str) -> bool {
        unhex(signature)
            .is_some_and(|value| UnparsedPublicKey::new(&ED25519, &self.0).verify(text, &value).is_ok())
    }
}

impl Pin {
    /// A fingerprint, or the text of a key file.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix("sha256:") {
            let digits = digits.to_ascii_lowercase();
            return match unhex(&digits).filter(|bytes| bytes.len() == 32) {
                Some(_) => Ok(Self::Fingerprint(format!("sha256:{digits}"))),
                None => Err(KeyError::Public),
            };
        }
        PublicKey::from_pem(text).map(Self::Key)
    }

    pub fn fits(&self, key: &PublicKey) -> bool {
        match self {
            Self::Key(pinned) => pinned == key,
            Self::Fingerprint(fingerprint) => *fingerprint == key.fingerprint(),
        }
    }

    pub fn fingerprint(&self) -> String {
        match self {
            Self::Key(key) => key.fingerprint(),
            Self::Fingerprint(fingerprint) => fingerprint.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PublicKey = PublicKey([7; 32]);

    #[test]
    fn a_public_key_survives_its_texts() {
        assert_eq!(PublicKey::from_pem(&KEY.to_pem()), Ok(KEY));
        assert_eq!(PublicKey::from_hex(&KEY.to_hex()), Some(KEY));
        assert!(Pin::parse(&KEY.to_pem()).expect("a key").fits(&KEY));
        assert!(Pin::parse(&KEY.fingerprint()).expect("a fingerprint").fits(&KEY));
        assert!(!Pin::parse(&KEY.fingerprint()).expect("a fingerprint").fits(&PublicKey([8; 32])));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in
            ["", "sha256:12", "sha256:zz", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
        {
            assert_eq!(Pin::parse(wrong), Err(KeyError::Public), "{wrong}");
        }
    }
}
