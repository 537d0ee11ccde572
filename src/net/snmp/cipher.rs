//! Keys, signatures and encryption of SNMP version 3 (RFC 3414, RFC 3826, RFC 7860).
//!
//! Owns what is done with `RustCrypto`'s primitives. Gets passwords and engine ids; gives keys, and bytes signed or turned
//! into secrets and back. DES and MD5 are weak, and the only ones that many devices know.

use aes::{Aes128, Aes192, Aes256};
use cfb_mode::cipher::block_padding::NoPadding;
use cfb_mode::cipher::{AsyncStreamCipher, BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use hmac::digest::Digest;
use hmac::digest::core_api::BlockSizeUser;
use hmac::{Mac, SimpleHmac};

use super::ber::Malformed;
use super::credentials::{AuthProtocol, PrivacyProtocol};

/// So many bytes of repeated password make a key (RFC 3414, A.2).
const STRETCH: usize = 1 << 20;

const NO_FIT: Malformed = Malformed("keys or parameters that do not fit the cipher");

/// Calls a generic function with the protocol's hash.
macro_rules! by_hash {
    ($protocol:expr, $function:ident($($argument:expr),*)) => {
        match $protocol {
            AuthProtocol::Md5 => $function::<md5::Md5>($($argument),*),
            AuthProtocol::Sha1 => $function::<sha1::Sha1>($($argument),*),
            AuthProtocol::Sha224 => $function::<sha2::Sha224>($($argument),*),
            AuthProtocol::Sha256 => $function::<sha2::Sha256>($($argument),*),
            AuthProtocol::Sha384 => $function::<sha2::Sha384>($($argument),*),
            AuthProtocol::Sha512 => $function::<sha2::Sha512>($($argument),*),
        }
    };
}

/// How many bytes of the signature are sent.
pub const fn signature_length(protocol: AuthProtocol) -> usize {
    match protocol {
        AuthProtocol::Md5 | AuthProtocol::Sha1 => 12,
        AuthProtocol::Sha224 => 16,
        AuthProtocol::Sha256 => 24,
        AuthProtocol::Sha384 => 32,
        AuthProtocol::Sha512 => 48,
    }
}

/// The key of a password at one engine. Hashes a megabyte: some milliseconds of work.
pub fn localized_key(protocol: AuthProtocol, password: &[u8], engine: &[u8]) -> Vec<u8> {
    by_hash!(protocol, stretch(password, engine))
}

fn stretch<D: Digest>(password: &[u8], engine: &[u8]) -> Vec<u8> {
    let mut hash = D::new();
    // An empty password (which `Credentials::access` refuses) makes an empty block: the wrong key, and no panic.
    let block: Vec<u8> = password.iter().copied().cycle().take(STRETCH).collect();
    hash.update(&block);
    let key = hash.finalize();
    let mut hash = D::new();
    hash.update(&key);
    hash.update(engine);
    hash.update(&key);
    hash.finalize().to_vec()
}

/// The key for encryption, made longer where the hash is too short for the cipher (Blumenthal's draft, as net-snmp,
/// Cisco and most others do).
pub fn privacy_key(auth: AuthProtocol, privacy: PrivacyProtocol, password: &[u8], engine: &[u8]) -> Vec<u8> {
    let length = match privacy {
        PrivacyProtocol::Des | PrivacyProtocol::Aes128 => 16,
        PrivacyProtocol::Aes192 => 24,
        PrivacyProtocol::Aes256 => 32,
    };
    let mut key = localized_key(auth, password, engine);
    while key.len() < length {
        let more = by_hash!(auth, digest(&key));
        key.extend(more);
    }
    key.truncate(length);
    key
}

fn digest<D: Digest>(bytes: &[u8]) -> Vec<u8> {
    D::digest(bytes).to_vec()
}

/// The signature of a message in which its place holds zeros.
pub fn sign(protocol: AuthProtocol, key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut whole = by_hash!(protocol, authenticate(key, message));
    whole.truncate(signature_length(protocol));
    whole
}

fn authenticate<D: Digest + BlockSizeUser + Clone>(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <SimpleHmac<D> as Mac>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Whether two signatures are the same, in a time that does not tell where they differ.
pub fn same(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len()
        && !ours.is_empty()
        && ours.iter().zip(theirs).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

fn des_parts(key: &[u8], salt: [u8; 8]) -> Result<([u8; 8], [u8; 8]), Malformed> {
    let (Some(des), Some(mask)) = (key.first_chunk::<8>(), key.get(8..16)) else {
        return Err(NO_FIT);
    };
    let mut vector = salt;
    vector.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    Ok((*des, vector))
}

fn aes_vector(boots: u32, time: u32, salt: [u8; 8]) -> [u8; 16] {
    let mut vector = [0; 16];
    vector[..4].copy_from_slice(&boots.to_be_bytes());
    vector[4..8].copy_from_slice(&time.to_be_bytes());
    vector[8..].copy_from_slice(&salt);
    vector
}

/// Encrypts in place; DES pads with zeros.
pub fn encrypt(
    protocol: PrivacyProtocol,
    key: &[u8],
    (boots, time): (u32, u32),
    salt: [u8; 8],
    data: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let vector = aes_vector(boots, time, salt);
    match protocol {
        PrivacyProtocol::Des => {
            let (key, vector) = des_parts(key, salt)?;
            data.resize(data.len().next_multiple_of(8), 0);
            let length = data.len();
            cbc::Encryptor::<des::Des>::new(&key.into(), &vector.into())
                .encrypt_padded_mut::<NoPadding>(data, length)
                .map_err(|_| NO_FIT)?;
        }
        PrivacyProtocol::Aes128 => aes_cfb::<cfb_mode::Encryptor<Aes128>>(key, &vector)?.encrypt(data),
        PrivacyProtocol::Aes192 => aes_cfb::<cfb_mode::Encryptor<Aes192>>(key, &vector)?.encrypt(data),
        PrivacyProtocol::Aes256 => aes_cfb::<cfb_mode::Encryptor<Aes256>>(key, &vector)?.encrypt(data),
    }
    Ok(())
}

/// Decrypts in place.
pub fn decrypt(
    protocol: PrivacyProtocol,
    key: &[u8],
    (boots, time): (u32, u32),
    salt: &[u8],
    data: &mut [u8],
) -> Result<(), Malformed> {
    let salt: [u8; 8] = salt.try_into().map_err(|_| NO_FIT)?;
    let vector = aes_vector(boots, time, salt);
    match protocol {
        PrivacyProtocol::Des => {
            let (key, vector) = des_parts(key, salt)?;
            cbc::Decryptor::<des::Des>::new(&key.into(), &vector.into())
                .decrypt_padded_mut::<NoPadding>(data)
                .map_err(|_| NO_FIT)?;
        }
        PrivacyProtocol::Aes128 => aes_cfb::<cfb_mode::Decryptor<Aes128>>(key, &vector)?.decrypt(data),
        PrivacyProtocol::Aes192 => aes_cfb::<cfb_mode::Decryptor<Aes192>>(key, &vector)?.decrypt(data),
        PrivacyProtocol::Aes256 => aes_cfb::<cfb_mode::Decryptor<Aes256>>(key, &vector)?.decrypt(data),
    }
    Ok(())
}

fn aes_cfb<C: KeyIvInit>(key: &[u8], vector: &[u8]) -> Result<C, Malformed> {
    C::new_from_slices(key, vector).map_err(|_| NO_FIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_rfc() {
        // RFC 3414, A.3.1 and A.3.2.
        let engine = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .concat()
        };
        assert_eq!(
            hex(&localized_key(AuthProtocol::Md5, b"maplesyrup", &engine)),
            "526f5eed9fcce26f8964c2930787d82b"
        );
        assert_eq!(
            hex(&localized_key(AuthProtocol::Sha1, b"maplesyrup", &engine)),
            "6695febc9288e36282235fc7151f128497b38f3f"
        );
    }

    #[test]
    fn what_is_encrypted_comes_back_and_nothing_panics() {
        for protocol in [
            PrivacyProtocol::Des,
            PrivacyProtocol::Aes128,
            PrivacyProtocol::Aes192,
            PrivacyProtocol::Aes256,
        ] {
            let key = privacy_key(AuthProtocol::Md5, protocol, b"maplesyrup", b"engine");
            let plain: Vec<u8> = (0..45).collect();
            let mut data = plain.clone();
            encrypt(protocol, &key, (3, 4), [7; 8], &mut data).unwrap();
            assert_ne!(data[..45], plain);
            decrypt(protocol, &key, (3, 4), &[7; 8], &mut data).unwrap();
            assert_eq!(data[..45], plain, "{protocol:?}");
            assert!(decrypt(protocol, &key, (3, 4), &[7; 7], &mut data).is_err());
            assert!(decrypt(protocol, &[], (3, 4), &[7; 8], &mut data).is_err());
            let odd = decrypt(protocol, &key, (3, 4), &[7; 8], &mut [0; 7]);
            assert_eq!(odd.is_err(), protocol == PrivacyProtocol::Des);
        }
    }

    #[test]
    fn signatures_are_compared_whole() {
        let signature = sign(AuthProtocol::Sha512, b"key", b"message");
        assert_eq!(signature.len(), 48);
        assert!(same(&signature, &sign(AuthProtocol::Sha512, b"key", b"message")));
        assert!(!same(&signature, &signature[..47]));
        assert!(!same(&[], &[]), "no signature is no match");
    }
}
