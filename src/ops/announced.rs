//! The digests that a client announces of a body it sends, whatever becomes of it: `Content-MD5`, `x-obs-content-sha256`
//! (`x-amz-content-sha256` in S3), the OBS SDKs' `x-obs-checksum-crc64ecma`, and S3's `x-amz-checksum-*`, in a header or
//! behind the body. Not here: computing them.

use super::checksum;
use crate::blob::digest::{Sums, Wanted};
use crate::checksum::{Checksum, ChecksumAlgorithm, parse_digest};
use crate::error::{Code, Result};
use crate::wire::aws_chunked::declared_trailers;
use crate::wire::headers::content_md5;
use crate::wire::{Head, parse_hex};

/// What a body's digests must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    crc64: Option<u64>,
    always_crc64: bool,
    checksum: Option<Sent>,
}

/// One of S3's checksums, as far as the client says it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sent {
    /// With its value.
    Value(Checksum),
    /// With a value that comes behind the body.
    Trailer(ChecksumAlgorithm),
    /// Without a value: it is to be computed.
    Wish(ChecksumAlgorithm),
    /// Nothing is said. It is computed where everything has one.
    Nothing(ChecksumAlgorithm),
}

impl Sent {
    fn algorithm(&self) -> ChecksumAlgorithm {
        match self {
            Self::Value(checksum) => checksum.algorithm,
            Self::Trailer(algorithm) | Self::Wish(algorithm) | Self::Nothing(algorithm) => *algorithm,
        }
    }
}

impl Announced {
    /// Reads the headers of a request (or the fields of a form) that brings an object's bytes. What is no digest is 400
    /// `InvalidDigest`, of S3's checksums 400 `BadDigest`; two of those, and an algorithm without a value, are 400
    /// `InvalidRequest`; algorithms that are not there are 501.
    pub(super) fn parse(head: &Head) -> Result<Self> {
        let announced = Self::of_document(head)?;
        let unsaid = checksum::by_default(head.dialect).map(Sent::Nothing);
        Ok(Self { checksum: announced.checksum.clone().or(unsaid), ..announced })
    }

    /// The same of a document: nothing is computed but what is announced.
    pub(super) fn of_document(head: &Head) -> Result<Self> {
        let crc64 = head.own("checksum-crc64ecma").map(parse_crc64).transpose()?;
        Ok(Self { crc64, checksum: parse_checksum(head)?, ..Self::but_checksums(head)? })
    }

    /// The same of a document whose checksums are not its own.
    pub(super) fn but_checksums(head: &Head) -> Result<Self> {
        refuse_unsupported(head)?;
        let sha256 = match head.own("content-sha256") {
            None | Some("UNSIGNED-PAYLOAD") => None,
            // Whoever reads the body sees what such a framing holds.
            Some(framing) if framing.starts_with("STREAMING-") && !head.dialect.is_obs() => None,
            Some(framing) if framing.starts_with("STREAMING-") => {
                return Err(Code::ServiceNotImplemented.because(format!("{framing} is not implemented.")));
            }
            Some(hex) => Some(parse_hex(hex).ok_or(Code::InvalidDigest)?),
        };
        Ok(Self { md5: content_md5(&head.headers)?, sha256, ..Self::default() })
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

    /// What is announced of a part, once it is known what its upload wants of each: another algorithm than that is 400
    /// `InvalidRequest`, and a part without one gets it.
    pub(super) fn for_upload(self, wanted: Option<ChecksumAlgorithm>) -> Result<Self> {
        let Some(wanted) = wanted else { return Ok(self) };
        match &self.checksum {
            None | Some(Sent::Nothing(_)) => Ok(Self { checksum: Some(Sent::Wish(wanted)), ..self }),
            Some(sent) if sent.algorithm() == wanted => Ok(self),
            Some(sent) => {
                let (sent, wanted) = (sent.algorithm().name(), wanted.name());
                Err(Code::InvalidRequest.because(format!("The upload was begun with {wanted}, the part has {sent}.")))
            }
        }
    }

    /// What must be computed to check it.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            sha256: self.sha256.is_some(),
            crc64: self.crc64.is_some() || self.always_crc64,
            checksum: self.checksum.as_ref().map(Sent::algorithm),
        }
    }

    /// The trailer that brings a checksum, if one does.
    pub(super) fn trailer(&self) -> Option<&'static str> {
        match &self.checksum {
            Some(Sent::Trailer(algorithm)) => Some(algorithm.header()),
            _ => None,
        }
    }

    /// Whether the client, or its upload, asked for the checksum that is computed: then the answer has it.
    pub(super) fn is_checksum_asked(&self) -> bool {
        !matches!(self.checksum, None | Some(Sent::Nothing(_)))
    }

    /// Refuses a body that is another: 400 `BadDigest`; 400 `XAmzContentSHA256Mismatch` in S3 where it is the SHA-256.
    /// `trailer` is the value of [`Announced::trailer`]; one that did not come is 400 `InvalidRequest`.
    pub(super) fn check(&self, sums: &Sums, trailer: Option<&str>) -> Result<()> {
        if self.md5.is_some_and(|announced| announced != sums.md5) {
            return Err(Code::BadDigest.into());
        }
        if self.sha256.is_some() && self.sha256 != sums.sha256 {
            return Err(Code::WrongSha256.into());
        }
        if self.crc64.is_some() && self.crc64 != sums.crc64 {
            return Err(Code::BadDigest.because("The CRC-64 you specified did not match what we received."));
        }
        let announced = match &self.checksum {
            Some(Sent::Value(checksum)) => checksum.clone(),
            Some(Sent::Trailer(algorithm)) => {
                let missing =
                    || Code::InvalidRequest.because(format!("The trailer {} is missing.", algorithm.header()));
                digest_of(*algorithm, trailer.ok_or_else(missing)?.as_bytes())?
            }
            Some(Sent::Wish(_) | Sent::Nothing(_)) | None => return Ok(()),
        };
        if sums.checksum.as_ref() == Some(&announced) { Ok(()) } else { Err(bad_checksum(announced.algorithm)) }
    }
}

fn parse_crc64(decimal: &str) -> Result<u64> {
    let is_number = decimal.bytes().all(|byte| byte.is_ascii_digit());
    decimal.parse().ok().filter(|_| is_number).ok_or_else(|| Code::InvalidDigest.into())
}

/// What an announced checksum is; one that is none is 400 `BadDigest`, as one that is another's (ceph/s3-tests).
fn digest_of(algorithm: ChecksumAlgorithm, text: &[u8]) -> Result<Checksum> {
    let digest = parse_digest(algorithm, text).ok_or_else(|| bad_checksum(algorithm))?;
    Ok(Checksum::of_bytes(algorithm, digest))
}

fn bad_checksum(algorithm: ChecksumAlgorithm) -> crate::error::Error {
    Code::BadDigest.because(format!("The {} you specified did not match what we received.", algorithm.name()))
}

/// The checksum that the headers, or parameters of a signed URL, announce.
fn parse_checksum(head: &Head) -> Result<Option<Sent>> {
    if head.dialect.is_obs() {
        return Ok(None);
    }
    if checksum::chosen_kind(head)? == Some(true) {
        return Err(Code::InvalidRequest.because("Only objects made of parts have a COMPOSITE checksum."));
    }
    let mut sent = None;
    for (algorithm, value) in checksum::values(head)? {
        let checksum = digest_of(algorithm, value)?;
        if sent.get_or_insert_with(|| checksum.clone()) != &checksum {
            return Err(one_only());
        }
    }
    match (sent, trailer(head)?) {
        (Some(_), Some(_)) => Err(one_only()),
        (Some(checksum), None) => Ok(Some(Sent::Value(checksum))),
        (None, Some(algorithm)) => Ok(Some(Sent::Trailer(algorithm))),
        (None, None) => Ok(checksum::announced_algorithm(head)?.map(Sent::Wish)),
    }
}

fn one_only() -> crate::error::Error {
    Code::InvalidRequest.because("A body comes with one checksum and no more.")
}

/// The checksum that is to come behind the body.
fn trailer(head: &Head) -> Result<Option<ChecksumAlgorithm>> {
    let names = declared_trailers(head)?;
    let algorithms = names.iter().filter_map(|name| name.strip_prefix("x-amz-checksum-")).map(checksum::algorithm);
    let algorithms = algorithms.collect::<Result<Vec<_>>>()?;
    if algorithms.len() > 1 { Err(one_only()) } else { Ok(algorithms.first().copied()) }
}

/// Headers of S3's framing and further checksums in OBS's words: refused, never ignored.
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
        Some(name) if head.dialect.is_obs() => not_implemented(name),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    type Lines<'a> = &'a [(&'a str, &'a str)];

    fn parse(lines: Lines<'_>) -> Result<Announced> {
        let request = hyper::Request::put("/photos/k").header("host", "localhost");
        let request = lines.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Announced::parse(&Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap())
    }

    /// What becomes of `abc` with a trailer, or of the headers before it comes.
    fn check_with(lines: Lines<'_>, trailer: Option<&str>, expected: std::result::Result<(), Code>) {
        let checked = parse(lines).and_then(|announced| {
            assert_eq!(announced.trailer().is_some(), announced.checksum.as_ref().is_some_and(is_trailer));
            announced.check(&Sums::of(b"abc", announced.wanted()), trailer)
        });
        assert_eq!(checked.map_err(|error| error.code()), expected, "{lines:?} {trailer:?}");
    }

    fn is_trailer(sent: &Sent) -> bool {
        matches!(sent, Sent::Trailer(_))
    }

    fn check(line: (&str, &str), expected: std::result::Result<(), Code>) {
        check_with(&[line], None, expected);
    }

    #[test]
    fn digests_are_checked_each_in_its_form() {
        const STREAMING: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
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
        check(("x-obs-content-sha256", STREAMING), Err(Code::ServiceNotImplemented));
        check(("x-amz-content-sha256", STREAMING), Ok(()));
        check(("x-obs-trailer", "x-obs-checksum-crc32"), Err(Code::ServiceNotImplemented));
        check(("x-obs-decoded-content-length", "3"), Err(Code::ServiceNotImplemented));
    }

    const CRC32: (&str, &str) = ("x-amz-checksum-crc32", "NSRBwg==");

    #[test]
    fn a_checksum_comes_in_a_header() {
        check(CRC32, Ok(()));
        check(("x-amz-checksum-crc32c", "Nks/tw=="), Ok(()));
        check(("x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="), Ok(()));
        check(("x-amz-checksum-sha256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), Ok(()));
        check(("x-amz-checksum-crc32", "NSRBww=="), Err(Code::BadDigest));
        for bad in ["bad", "", "NSRBwg", "NSRBwg==-1", "Nks/tw=="] {
            check(("x-amz-checksum-crc32", bad), Err(Code::BadDigest));
        }
        check(("x-amz-checksum-sha512", "AAAA"), Err(Code::ServiceNotImplemented));
        check(("x-amz-checksum-xxhash64", "AAAA"), Err(Code::ServiceNotImplemented));
        check(("x-amz-checksum-crc16", "AAAA"), Err(Code::InvalidRequest));
        check_with(&[CRC32, CRC32], None, Ok(()));
        check_with(&[CRC32, ("x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=")], None, Err(Code::InvalidRequest));
        check_with(&[CRC32, ("x-amz-checksum-crc32", "AAAAAA==")], None, Err(Code::InvalidRequest));
        check_with(&[CRC32, ("x-amz-checksum-type", "FULL_OBJECT")], None, Ok(()));
        check_with(&[CRC32, ("x-amz-checksum-type", "COMPOSITE")], None, Err(Code::InvalidRequest));
        // OBS has no such header.
        check_with(&[("x-obs-acl", "private"), CRC32], None, Err(Code::ServiceNotImplemented));
    }

    #[test]
    fn an_algorithm_is_announced_with_its_value() {
        const NAME: &str = "x-amz-sdk-checksum-algorithm";
        check((NAME, "CRC32"), Err(Code::InvalidRequest));
        check((NAME, "SHA512"), Err(Code::ServiceNotImplemented));
        check_with(&[(NAME, "CRC32"), CRC32], None, Ok(()));
        // The value wins.
        check_with(&[(NAME, "SHA256"), CRC32], None, Ok(()));
        let asked = |lines| parse(lines).map(|announced| (announced.wanted().checksum, announced.is_checksum_asked()));
        assert_eq!(asked(&[("authorization", "OBS a:b")]).unwrap(), (None, false));
        assert_eq!(asked(&[("authorization", "AWS a:b")]).unwrap(), (None, false));
        let default = Some(ChecksumAlgorithm::Crc64Nvme);
        assert_eq!(asked(&[("x-amz-acl", "private")]).unwrap(), (default, false));
        let wish = [("x-amz-checksum-algorithm", "SHA1")];
        assert_eq!(asked(&wish).unwrap(), (Some(ChecksumAlgorithm::Sha1), true));
    }

    #[test]
    fn a_checksum_comes_behind_the_body() {
        const NAME: (&str, &str) = ("x-amz-trailer", "x-amz-checksum-crc32");
        check_with(&[NAME], Some("NSRBwg=="), Ok(()));
        check_with(&[NAME, ("x-amz-sdk-checksum-algorithm", "CRC32")], Some("NSRBwg=="), Ok(()));
        check_with(&[NAME], Some("NSRBww=="), Err(Code::BadDigest));
        check_with(&[NAME], Some("bad"), Err(Code::BadDigest));
        check_with(&[NAME], None, Err(Code::InvalidRequest));
        check_with(&[NAME, CRC32], Some("NSRBwg=="), Err(Code::InvalidRequest));
        check(("x-amz-trailer", "x-amz-checksum-crc32, x-amz-checksum-sha1"), Err(Code::InvalidRequest));
        check(("x-amz-trailer", "x-amz-checksum-sha512"), Err(Code::ServiceNotImplemented));
        check(("x-amz-trailer", "x-amz-meta-a"), Err(Code::InvalidRequest));
        check(("x-amz-trailer", ""), Err(Code::InvalidRequest));
    }

    #[test]
    fn a_part_has_the_checksum_of_its_upload() {
        let check = |lines: Lines<'_>, wanted, expected: std::result::Result<_, Code>| {
            let announced = parse(lines).and_then(|announced| announced.for_upload(wanted));
            let found = announced.map(|announced| (announced.wanted().checksum, announced.is_checksum_asked()));
            assert_eq!(found.map_err(|error| error.code()), expected, "{lines:?} {wanted:?}");
        };
        let (crc32, sha1) = (Some(ChecksumAlgorithm::Crc32), Some(ChecksumAlgorithm::Sha1));
        check(&[CRC32], None, Ok((crc32, true)));
        check(&[CRC32], crc32, Ok((crc32, true)));
        check(&[CRC32], sha1, Err(Code::InvalidRequest));
        check(&[("x-amz-acl", "private")], sha1, Ok((sha1, true)));
        check(&[("authorization", "OBS a:b")], sha1, Ok((sha1, true)));
        check(&[("authorization", "OBS a:b")], None, Ok((None, false)));
    }
}
