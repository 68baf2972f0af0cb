//! The digests that a client announces of a body it sends, whatever becomes of it: `Content-MD5`, `x-obs-content-sha256`
//! (`x-amz-content-sha256` in S3) and the SDKs' `x-obs-checksum-crc64ecma`. Not here: computing them.

use crate::blob::digest::{Sums, Wanted};
use crate::error::{Code, Result};
use crate::wire::Head;
use crate::wire::headers::content_md5;

/// What a body's digests must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    crc64: Option<u64>,
    always_crc64: bool,
}

impl Announced {
    /// Reads the headers of a request (or the fields of a form). What is no digest is 400 `InvalidDigest`; framings and
    /// checksums that belong to later signatures are 501.
    pub(super) fn parse(head: &Head) -> Result<Self> {
        refuse_unsupported(head)?;
        let sha256 = match head.own("content-sha256") {
            None | Some("UNSIGNED-PAYLOAD") => None,
            // Whoever reads the body sees what such a framing holds.
            Some(framing) if framing.starts_with("STREAMING-") && !head.dialect.is_obs() => None,
            Some(framing) if framing.starts_with("STREAMING-") => {
                return Err(Code::ServiceNotImplemented.because(format!("{framing} is not implemented.")));
            }
            Some(hex) => Some(parse_sha256(hex).ok_or(Code::InvalidDigest)?),
        };
        let crc64 = head.own("checksum-crc64ecma").map(parse_crc64).transpose()?;
        Ok(Self { md5: content_md5(&head.headers)?, sha256, crc64, always_crc64: false })
    }

    /// The same of a part of an upload, whose CRC-64 is wanted in any case: the whole object's is made of them.
    pub(super) fn of_part(head: &Head) -> Result<Self> {
        Ok(Self { always_crc64: true, ..Self::parse(head)? })
    }

    /// The CRC-64 of a whole object that is completed from parts; there is no body it could be checked against yet.
    pub(super) fn crc64_of_whole(head: &Head) -> Result<Option<u64>> {
        refuse_unsupported(head)?;
        head.own("checksum-crc64ecma").map(parse_crc64).transpose()
    }

    /// What must be computed to check it.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted { sha256: self.sha256.is_some(), crc64: self.crc64.is_some() || self.always_crc64 }
    }

    /// Refuses a body that is another: 400 `BadDigest`; 400 `XAmzContentSHA256Mismatch` in S3 where it is the SHA-256.
    pub(super) fn check(&self, sums: &Sums) -> Result<()> {
        if self.md5.is_some_and(|announced| announced != sums.md5) {
            return Err(Code::BadDigest.into());
        }
        if self.sha256.is_some() && self.sha256 != sums.sha256 {
            return Err(Code::WrongSha256.into());
        }
        if self.crc64.is_some() && self.crc64 != sums.crc64 {
            return Err(Code::BadDigest.because("The CRC-64 you specified did not match what we received."));
        }
        Ok(())
    }
}

pub(super) fn parse_sha256(hex: &str) -> Option<[u8; 32]> {
    let is_hex = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2).filter(|_| is_hex)?, 16).ok()?;
    }
    Some(digest)
}

fn parse_crc64(decimal: &str) -> Result<u64> {
    let is_number = decimal.bytes().all(|byte| byte.is_ascii_digit());
    decimal.parse().ok().filter(|_| is_number).ok_or_else(|| Code::InvalidDigest.into())
}

/// Headers of S3's framing in OBS's words, and of S3's further checksums: refused, never ignored.
fn refuse_unsupported(head: &Head) -> Result<()> {
    let not_implemented =
        |name: &str| Err(Code::ServiceNotImplemented.because(format!("The header {name} is not implemented.")));
    // S3's are taken off, or refused, before an operation sees the body.
    for tail in ["decoded-content-length", "trailer"] {
        if head.dialect.is_obs() && head.own(tail).is_some() {
            return not_implemented(&[head.dialect.header_prefix(), tail].concat());
        }
    }
    let is_checksum = |name: &&str| name.starts_with("x-amz-checksum-") && !name.ends_with("-crc64ecma");
    match head.headers.keys().map(hyper::header::HeaderName::as_str).find(is_checksum) {
        Some(name) => not_implemented(name),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    fn parse(line: (&str, &str)) -> Result<Announced> {
        let request = hyper::Request::put("/photos/k").header("host", "localhost").header(line.0, line.1);
        Announced::parse(&Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap())
    }

    /// What becomes of `abc`, or of the headers before it comes.
    fn check(line: (&str, &str), expected: std::result::Result<(), Code>) {
        let checked = parse(line).and_then(|announced| announced.check(&Sums::of(b"abc", announced.wanted())));
        assert_eq!(checked.map_err(|error| error.code()), expected, "{line:?}");
    }

    #[test]
    fn digests_are_checked_each_in_its_form() {
        const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(("accept", "*/*"), Ok(()));
        check(("content-md5", "kAFQmDzST7DWlj99KOF/cg=="), Ok(()));
        check(("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="), Err(Code::BadDigest));
        check(("content-md5", "abc"), Err(Code::InvalidDigest));
        for prefix in ["x-obs-", "x-amz-"] {
            let sha256 = format!("{prefix}content-sha256");
            check((&sha256, SHA256), Ok(()));
            check((&sha256, &SHA256.to_ascii_uppercase()), Ok(()));
            check((&sha256, &SHA256.replace('b', "c")), Err(Code::WrongSha256));
            check((&sha256, "UNSIGNED-PAYLOAD"), Ok(()));
            for bad in ["", &SHA256[1..], &SHA256.replace('b', "+"), "ungXv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="] {
                check((&sha256, bad), Err(Code::InvalidDigest));
            }
            let crc64 = format!("{prefix}checksum-crc64ecma");
            check((&crc64, &crate::blob::digest::crc64(b"abc").to_string()), Ok(()));
            check((&crc64, "0"), Err(Code::BadDigest));
            for bad in ["", "-1", "+1", "0x10", "18446744073709551616"] {
                check((&crc64, bad), Err(Code::InvalidDigest));
            }
        }
        check(("x-amz-checksum-crc32", "NhCmhg=="), Err(Code::ServiceNotImplemented));
        const STREAMING: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
        check(("x-obs-content-sha256", STREAMING), Err(Code::ServiceNotImplemented));
        check(("x-amz-content-sha256", STREAMING), Ok(()));
        check(("x-obs-trailer", "x-obs-checksum-crc32"), Err(Code::ServiceNotImplemented));
        check(("x-obs-decoded-content-length", "3"), Err(Code::ServiceNotImplemented));
        check(("x-amz-trailer", "x-amz-checksum-crc32"), Ok(()));
    }
}
