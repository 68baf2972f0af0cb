//! The place of AWS Signature Version 4: recognised, so that clients are told what is the matter, and not yet checked.

use crate::auth::{Place, Scheme, Signed};
use crate::error::{Code, Error, Result};
use crate::wire::Head;

/// `Authorization: AWS4-HMAC-SHA256 Credential=…`.
pub(super) static HEADER: Scheme =
    Scheme { name: "aws-v4-header", place: Place::Header, claim: claim_header, check: |_, _, _| Err(refusal()) };
/// `X-Amz-Algorithm` and its companions in the query.
pub(super) static URL: Scheme =
    Scheme { name: "aws-v4-url", place: Place::Url, claim: claim_url, check: |_, _, _| Err(refusal()) };

fn claim_header(_: &Head, authorization: Option<&str>) -> Option<Result<Signed>> {
    authorization?.starts_with("AWS4-HMAC-SHA256").then(|| Err(refusal()))
}

fn claim_url(head: &Head, _: Option<&str>) -> Option<Result<Signed>> {
    head.query.has("X-Amz-Algorithm").then(|| Err(refusal()))
}

pub(super) fn refusal() -> Error {
    Code::ServiceNotImplemented
        .because("AWS4-HMAC-SHA256 signatures are not implemented by this server; sign with OBS or AWS V2.")
}
