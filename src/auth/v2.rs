//! HMAC-SHA1 signatures, header and URL form, under OBS's words and AWS's: the two are one algorithm (OBS reference,
//! "Authentication of Signature in a Header" and "… in a URL"). The strings come from `canonical`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::AUTHORIZATION;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::auth::canonical::{Input, Variant};
use crate::auth::date::parse_date;
use crate::auth::{Moment, Place, Scheme, Signed, mismatch};
use crate::error::{Code, Result};
use crate::wire::Head;

/// `Authorization: OBS access-key:signature`.
pub(super) static OBS_HEADER: Scheme =
    Scheme { name: "obs-header", place: Place::Header, claim: |head| claim_header(head, &OBS), check: check_obs };
/// `Authorization: AWS access-key:signature`.
pub(super) static AWS_HEADER: Scheme =
    Scheme { name: "aws-v2-header", place: Place::Header, claim: |head| claim_header(head, &AWS), check: check_aws };
/// `AccessKeyId`, `Expires` and `Signature` in the query.
pub(super) static OBS_URL: Scheme =
    Scheme { name: "obs-url", place: Place::Url, claim: |head| claim_url(head, &OBS), check: check_obs };
/// `AWSAccessKeyId`, `Expires` and `Signature` in the query.
pub(super) static AWS_URL: Scheme =
    Scheme { name: "aws-v2-url", place: Place::Url, claim: |head| claim_url(head, &AWS), check: check_aws };

/// The words in which the two dialects of the algorithm differ.
pub(super) struct Words {
    /// Before the access key in `Authorization`.
    pub(super) authorization: &'static str,
    /// The query parameter with the access key.
    pub(super) parameter: &'static str,
    /// Of covered headers and parameters.
    pub(super) prefix: &'static str,
    header: &'static Scheme,
    url: &'static Scheme,
}

pub(super) static OBS: Words =
    Words { authorization: "OBS", parameter: "AccessKeyId", prefix: "x-obs-", header: &OBS_HEADER, url: &OBS_URL };
pub(super) static AWS: Words =
    Words { authorization: "AWS", parameter: "AWSAccessKeyId", prefix: "x-amz-", header: &AWS_HEADER, url: &AWS_URL };

/// The signature of `string_to_sign`, in Base64.
pub fn sign_string(secret: &str, string_to_sign: &[u8]) -> String {
    STANDARD.encode(digest(secret, string_to_sign))
}

fn digest(secret: &str, string: &[u8]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(string);
    mac.finalize().into_bytes().into()
}

fn claim_header(head: &Head, words: &Words) -> Option<Result<Signed>> {
    let value = str::from_utf8(head.headers.get(AUTHORIZATION)?.as_bytes()).ok()?;
    let (word, rest) = value.split_once(' ').unwrap_or((value, ""));
    (word == words.authorization).then(|| parse_header(head, rest.trim(), words))
}

fn parse_header(head: &Head, credentials: &str, words: &Words) -> Result<Signed> {
    let is_one = head.headers.get_all(AUTHORIZATION).iter().nth(1).is_none();
    let parts = credentials.rsplit_once(':').filter(|(key, signature)| is_one && !key.is_empty() && !signature.is_empty());
    let Some((access_key, signature)) = parts else {
        return Err(Code::InvalidArgument.because("The Authorization header is not of the form `word key:signature`."));
    };
    let date = Input::of(head, words.prefix).date();
    let Some(sent) = date.and_then(parse_date) else {
        return Err(Code::AccessDenied.because("A signed request needs a valid Date or x-obs-date (x-amz-date) header."));
    };
    Ok(signed(access_key, signature, words.header, Moment::Sent(sent)))
}

fn claim_url(head: &Head, words: &Words) -> Option<Result<Signed>> {
    if head.query.is_empty() {
        return None;
    }
    let access_key = head.query.get(words.parameter)?;
    Some(parse_url(head, access_key, words))
}

fn parse_url(head: &Head, access_key: &str, words: &Words) -> Result<Signed> {
    let signature = head.query.get("Signature").unwrap_or_default();
    if access_key.is_empty() || signature.is_empty() {
        return Err(Code::AccessDenied.because("A signed URL needs an access key, Expires and Signature."));
    }
    let expires = head.query.get("Expires").filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let Some(expires) = expires.and_then(|text| text.parse().ok()) else {
        return Err(Code::AccessDenied.because("A signed URL needs Expires in seconds of Unix time."));
    };
    // A `+` that was not percent-encoded has become a space; Base64 has no spaces, so there is only one reading.
    Ok(signed(access_key, &signature.replace(' ', "+"), words.url, Moment::Expires(expires)))
}

fn signed(access_key: &str, signature: &str, scheme: &'static Scheme, moment: Moment) -> Signed {
    let signature = STANDARD.decode(signature).unwrap_or_default();
    Signed { access_key: access_key.to_owned(), scheme, signature, moment }
}

fn check_obs(signed: &Signed, head: &Head, secret: &str) -> Result<()> {
    check(signed, head, secret, &OBS)
}

fn check_aws(signed: &Signed, head: &Head, secret: &str) -> Result<()> {
    check(signed, head, secret, &AWS)
}

fn check(signed: &Signed, head: &Head, secret: &str, words: &Words) -> Result<()> {
    let input = Input::of(head, words.prefix);
    let mut string = Vec::with_capacity(512);
    input.write_before_resource(date_slot(head, &input, signed.moment), &mut string);
    let resource_start = string.len();
    input.write_resource(Variant::default(), &mut string);
    if is_match(secret, &string, &signed.signature) {
        return Ok(());
    }
    let first = string.clone();
    for variant in input.other_variants() {
        string.truncate(resource_start);
        input.write_resource(variant, &mut string);
        if is_match(secret, &string, &signed.signature) {
            return Ok(());
        }
    }
    Err(mismatch(&signed.access_key, &first))
}

/// What stands in the date's place: `Expires` as sent wins over any date.
fn date_slot<'a>(head: &'a Head, input: &Input<'a>, moment: Moment) -> &'a str {
    match moment {
        Moment::Sent(_) => input.date_slot(),
        Moment::Expires(_) => head.query.get("Expires").unwrap_or_default(),
    }
}

fn is_match(secret: &str, string: &[u8], signature: &[u8]) -> bool {
    digest(secret, string).ct_eq(signature).into()
}
