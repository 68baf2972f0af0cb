//! What the head of a request says of the framing of its body: `x-amz-content-sha256`, `x-amz-decoded-content-length` and
//! `x-amz-trailer` (S3 reference, "Common Request Headers" and "Signature Calculations …: Transferring Payload in Chunks").

use hyper::header::HeaderMap;

use crate::error::{Code, Result};
use crate::limits;
use crate::wire::dialect::Dialect;
use crate::wire::{Head, parse_hex};

/// How the bytes of a body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As they are.
    Plain,
    /// In chunks, with a trailer.
    Unsigned,
    /// In chunks that are signed.
    Signed {
        /// Whether a trailer, signed too, follows.
        has_trailer: bool,
    },
}

impl Framing {
    /// The framing a head announces. OBS's own vocabulary has none.
    ///
    /// 501 for Signature V4A; in S3, 400 `InvalidArgument` for what is neither a framing, nor `UNSIGNED-PAYLOAD`, nor 64
    /// hexadecimal digits. In V2's requests that is left to whoever reads the digest.
    pub fn of(head: &Head) -> Result<Self> {
        if head.dialect.is_obs() {
            return Ok(Self::Plain);
        }
        match head.own("content-sha256") {
            None | Some("UNSIGNED-PAYLOAD") => Ok(Self::Plain),
            Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => Ok(Self::Unsigned),
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") => Ok(Self::Signed { has_trailer: false }),
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => Ok(Self::Signed { has_trailer: true }),
            Some(ecdsa) if ecdsa.starts_with("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD") => {
                Err(Code::ServiceNotImplemented.because(format!("{ecdsa} is not implemented.")))
            }
            Some(hash) => {
                if parse_hex::<32>(hash).is_some() || head.dialect != Dialect::S3 {
                    return Ok(Self::Plain);
                }
                let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value, or a SHA-256 in \
                               hexadecimal digits.";
                Err(Code::InvalidArgument.because(message))
            }
        }
    }

    fn has_trailer(self) -> bool {
        matches!(self, Self::Unsigned | Self::Signed { has_trailer: true })
    }
}

/// What a framed body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Never [`Framing::Plain`].
    pub framing: Framing,
    /// Bytes of data.
    pub length: u64,
    /// Names of the trailers, in lower case, each once.
    pub trailers: Vec<String>,
}

impl Plan {
    /// The plan of a head; `None` for a body without framing.
    ///
    /// A framed body without its length is 411 `MissingContentLength`, one with two or with what is no length as
    /// [`Head::content_length`] says; headers of a framing that is not there are 400 `InvalidRequest`; the rest as
    /// [`Framing::of`] and [`declared_trailers`] say.
    pub fn of(head: &Head) -> Result<Option<Self>> {
        if head.dialect.is_obs() {
            return Ok(None);
        }
        let framing = Framing::of(head)?;
        let trailers = declared_trailers(head)?;
        if !framing.has_trailer() && !trailers.is_empty() {
            return Err(Code::InvalidRequest.because("x-amz-trailer needs a payload hash that ends in -TRAILER."));
        }
        let length = decoded_length(head)?;
        match (framing, length) {
            (Framing::Plain, None) => Ok(None),
            (Framing::Plain, Some(_)) => {
                Err(Code::InvalidRequest.because("x-amz-decoded-content-length needs a STREAMING- payload hash."))
            }
            (_, None) => Err(Code::MissingContentLength
                .because("You must provide the x-amz-decoded-content-length HTTP header with a STREAMING- payload.")),
            (_, Some(length)) => Ok(Some(Self { framing, length, trailers })),
        }
    }

    /// Whether the chunks are signed.
    pub fn is_signed(&self) -> bool {
        matches!(self.framing, Framing::Signed { .. })
    }
}

/// Bytes that a framed body stands for, as the head announces them in S3's words.
pub(in crate::wire) fn decoded_length(head: &Head) -> Result<Option<u64>> {
    const NAME: &str = "x-amz-decoded-content-length";
    if head.headers.contains_key(NAME) {
        return crate::wire::parse_length(&head.headers, NAME);
    }
    // Signed URLs have their headers in the query.
    head.own("decoded-content-length").map(crate::wire::parse_digits).transpose()
}

/// The trailers that `x-amz-trailer` declares, in lower case, each once. What is no checksum would be ignored, and is 400
/// `InvalidRequest`, as are more than [`limits::AWS_TRAILER_COUNT_MAX`].
pub fn declared_trailers(head: &Head) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    if head.dialect.is_obs() {
        return Ok(names);
    }
    for name in values(&head.headers, "x-amz-trailer").flat_map(|value| value.split(',')) {
        let name = name.trim().to_ascii_lowercase();
        if !name.starts_with("x-amz-checksum-") {
            return Err(Code::InvalidRequest.because("x-amz-trailer names a trailer that is no checksum."));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > limits::AWS_TRAILER_COUNT_MAX {
        return Err(Code::InvalidRequest.because("x-amz-trailer names too many trailers."));
    }
    Ok(names)
}

/// All values of a header; one that is not UTF-8 is an empty name.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().map(|value| str::from_utf8(value.as_bytes()).unwrap_or_default())
}
