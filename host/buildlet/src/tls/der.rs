//! Just enough DER to find the RSA modulus of a certificate.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const EXPLICIT_VERSION: u8 = 0xa0;
/// 1.2.840.113549.1.1.1, rsaEncryption.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The modulus of a certificate's RSA key without leading zeros; `None` if there is none.
pub(super) fn rsa_modulus(certificate: &[u8]) -> Option<&[u8]> {
    let mut outer = Reader(certificate);
    let mut certificate = Reader(outer.expect(SEQUENCE)?);
    let mut to_be_signed = Reader(certificate.expect(SEQUENCE)?);
    if to_be_signed.0.first() == Some(&EXPLICIT_VERSION) {
        to_be_signed.next()?;
    }
    to_be_signed.expect(INTEGER)?;
    // The signature's algorithm, the issuer, the validity and the subject come before the key.
    for _ in 0..4 {
        to_be_signed.expect(SEQUENCE)?;
    }
    let mut key_info = Reader(to_be_signed.expect(SEQUENCE)?);
    let mut algorithm = Reader(key_info.expect(SEQUENCE)?);
    if algorithm.expect(OBJECT_ID)? != RSA_ENCRYPTION {
        return None;
    }
    let (unused_bits, key) = key_info.expect(BIT_STRING)?.split_first()?;
    if *unused_bits != 0 {
        return None;
    }
    let mut key = Reader(Reader(key).expect(SEQUENCE)?);
    let modulus = key.expect(INTEGER)?;
    let zeros = modulus.iter().take_while(|&&byte| byte == 0).count();
    Some(&modulus[zeros..]).filter(|modulus| !modulus.is_empty())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            // Lengths of up to four bytes: no certificate is longer.
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 || rest.len() < count {
                return None;
            }
            let (digits, rest) = rest.split_at(count);
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        };
        if rest.len() < length {
            return None;
        }
        let (content, rest) = rest.split_at(length);
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = rsa_modulus(&bytes);
        }

        #[test]
        fn a_damaged_certificate_is_survived(at in 0_usize..4096, value: u8) {
            let mut bytes = include_bytes!("../../tests/it/keys/cert.der").to_vec();
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = rsa_modulus(&bytes);
        }
    }

    #[test]
    fn the_modulus_is_found() {
        let modulus = rsa_modulus(include_bytes!("../../tests/it/keys/cert.der")).expect("an RSA key");
        let expected = include_str!("../../tests/it/keys/modulus.hex").trim();
        assert_eq!(hex::encode_upper(modulus), expected);
    }
}
