//! AWS Signature Version 4, in the header and in URLs (S3 reference, "Authenticating Requests: AWS Signature Version
//! 4"). The strings come from `canonical_v4`.
//!
//! Not here: the body. Its digest, or the word that stands for it, is covered as the request says it, and whoever
//! reads the body holds it to that.

use std::collections::HashSet;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::canonical_v4::{PathForm, string_to_sign, write_request};
use crate::auth::date::{basic_date, parse_date, parse_recent_date};
use crate::auth::{Moment, Place, Scheme, Signed};
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::{EMPTY_SHA256, Head, hex, parse_hex, token_call};

/// `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
pub(super) static HEADER: Scheme =
    Scheme { name: "aws-v4-header", place: Place::Header, claim: claim_header, check: check_header };
/// `X-Amz-Algorithm` and its companions in the query.
pub(super) static URL: Scheme = Scheme { name: "aws-v4-url", place: Place::Url, claim: claim_url, check: check_url };

/// The only algorithm; its sister over elliptic curves is refused.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(super) const ASYMMETRIC_ALGORITHM: &str = "AWS4-ECDSA-P256-SHA256";
/// What stands for the digest of a body that is not covered.
pub(super) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// What a signature of this version says beside the access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// `date/region/service/aws4_request`.
    scope: String,
    /// Names in lower case, joined by `;`.
    signed_headers: String,
    /// `yyyyMMddTHHmmssZ`, as signed.
    date: String,
}

/// What chunks of a body are signed with, one after the other; the first follows the request's own signature.
#[derive(Clone)]
pub struct Seed {
    /// The key of the day, region and service.
    pub signing_key: [u8; 32],
    /// `yyyyMMddTHHmmssZ`, as signed.
    pub date: String,
    /// `date/region/service/aws4_request`.
    pub scope: String,
    /// The request's signature, in lower-case hexadecimal digits.
    pub signature: String,
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed").field("date", &self.date).field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Terms {
    /// Reads a credential of the form `key/date/region/service/aws4_request`: the key, and terms without headers and
    /// date.
    pub(super) fn parse(credential: &str) -> Option<(&str, Self)> {
        let mut parts = credential.rsplitn(5, '/');
        let (terminator, service, region, day) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let access_key = parts.next().filter(|key| !key.is_empty())?;
        let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        let is_scope = is_day && terminator == "aws4_request" && !service.is_empty() && !region.is_empty();
        let scope = credential.get(access_key.len() + 1..)?.to_owned();
        is_scope.then(|| (access_key, Self { scope, signed_headers: String::new(), date: String::new() }))
    }

    fn part(&self, at: usize) -> &str {
        self.scope.split('/').nth(at).unwrap_or_default()
    }

    pub(super) fn region(&self) -> &str {
        self.part(1)
    }

    pub(super) fn service(&self) -> &str {
        self.part(2)
    }

    /// Whether the scope's day is that of `sent` or one beside it: OBS's Python SDK takes the day of its own time
    /// zone. Keys of a day are good for nothing else than requests of their time, which is checked beside.
    pub(super) fn is_of_day(&self, sent: UnixMillis) -> bool {
        const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
        let start = parse_date(&format!("{}T000000Z", self.part(0)));
        start.is_some_and(|start| (start.saturating_sub(DAY_MILLIS)..start + 2 * DAY_MILLIS).contains(&sent))
    }

    pub(super) fn signing_key(&self, secret: &str) -> [u8; 32] {
        signing_key(secret, &self.scope)
    }

    pub(super) fn check_region(&self, region: &str) -> Result<()> {
        if self.region() == region {
            return Ok(());
        }
        // AWS's words: most clients show nothing else, and some find the region in them.
        let why = format!("The credential's region '{}' is wrong; expecting '{region}'.", self.region());
        let refusal = Code::AuthorizationHeaderMalformed.because(why);
        // The answer to a HEAD has no elements, and clients look there as well.
        Err(refusal.detail("Region", region).header("x-amz-bucket-region", region))
    }
}

/// The key for one day, region and service; `scope` is `date/region/service/aws4_request`.
pub fn signing_key(secret: &str, scope: &str) -> [u8; 32] {
    let first = ["AWS4", secret].concat();
    let mut key = [0; 32];
    for (at, part) in scope.split('/').enumerate() {
        key = if at == 0 { hmac(first.as_bytes(), part.as_bytes()) } else { hmac(&key, part.as_bytes()) };
    }
    key
}

/// HMAC-SHA256.
pub(super) fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn malformed(reason: &'static str) -> Error {
    Code::AuthorizationHeaderMalformed.because(reason)
}

fn claim_header(head: &Head, authorization: Option<&str>) -> Option<Result<Signed>> {
    let (word, rest) = authorization.map(|value| value.split_once(' ').unwrap_or((value, "")))?;
    match word {
        ALGORITHM => Some(parse_header(head, rest)),
        ASYMMETRIC_ALGORITHM => Some(Err(asymmetric())),
        _ => None,
    }
}

pub(super) fn asymmetric() -> Error {
    Code::ServiceNotImplemented.because("AWS4-ECDSA-P256-SHA256 signatures are not implemented by this server.")
}

fn parse_header(head: &Head, rest: &str) -> Result<Signed> {
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=').unwrap_or_default();
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(malformed("The authorization header has a part that is not known, or none.")),
        };
        if slot.replace(value).is_some() {
            return Err(malformed("The authorization header has a part twice."));
        }
    }
    let (Some(credential), Some(signed_headers), Some(signature)) = (credential, signed_headers, signature) else {
        return Err(malformed("The authorization header needs Credential, SignedHeaders and Signature."));
    };
    let parsed = Terms::parse(credential);
    let (access_key, terms) =
        parsed.ok_or_else(|| malformed("The credential is not of the form key/date/region/service/aws4_request."))?;
    check_names(signed_headers).map_err(malformed)?;
    let text = head.dialect.header("date", &head.headers);
    let sent = text.or_else(|| head.header(hyper::header::DATE)).and_then(parse_recent_date);
    let Some(sent) = sent else {
        return Err(Code::AccessDenied.because("A signed request needs a valid Date or x-amz-date header."));
    };
    let date = text.filter(|text| is_basic(text)).map_or_else(|| basic_date(sent), str::to_owned);
    if !date.starts_with(terms.part(0)) && !terms.is_of_day(sent) {
        return Err(malformed("The date of the credential is not that of the request."));
    }
    check_service(head, &terms).map_err(malformed)?;
    let terms = Terms { signed_headers: signed_headers.to_owned(), date, ..terms };
    Ok(signed(access_key, signature, &HEADER, Moment::Sent(sent), terms))
}

/// Headers that must be among those signed, and the form of their list. Each is named once: what is signed has every value
/// of a header as often as its name is listed.
fn check_names(signed_headers: &str) -> std::result::Result<(), &'static str> {
    let is_name = |name: &str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase() || byte <= b' ');
    let mut seen = HashSet::new();
    for name in signed_headers.split(';') {
        if seen.len() == limits::HEADER_COUNT_MAX || !is_name(name) || !seen.insert(name) {
            return Err("The signed headers are different names in lower case, as many as a request may have at most.");
        }
    }
    if seen.contains("host") { Ok(()) } else { Err("The header host must be signed.") }
}

/// The service a request is for, as the scope of its signature has it.
pub(super) fn service_of(head: &Head) -> &'static str {
    if token_call::is_call(head) { "sts" } else { "s3" }
}

fn check_service(head: &Head, terms: &Terms) -> std::result::Result<(), &'static str> {
    match service_of(head) {
        service if service == terms.service() => Ok(()),
        "sts" => Err("The credential is for another service; this is sts."),
        _ => Err("The credential is for another service; this is s3."),
    }
}

/// `yyyyMMddTHHmmssZ`.
pub(super) fn is_basic(text: &str) -> bool {
    text.len() == 16 && text.ends_with('Z') && text.as_bytes()[8] == b'T'
}

fn claim_url(head: &Head, _: Option<&str>) -> Option<Result<Signed>> {
    if head.query.is_empty() {
        return None;
    }
    let Some(algorithm) = head.query.get("X-Amz-Algorithm") else {
        // What is left of a signature does not make its sender nobody.
        let is_left = head.query.has("X-Amz-Credential") || head.query.has("X-Amz-Signature");
        return is_left.then(|| Err(missing_parameters()));
    };
    Some(match algorithm {
        ALGORITHM => parse_url(head),
        ASYMMETRIC_ALGORITHM => Err(asymmetric()),
        _ => Err(bad_parameters("X-Amz-Algorithm is not AWS4-HMAC-SHA256.")),
    })
}

fn bad_parameters(reason: &'static str) -> Error {
    Code::AuthorizationQueryParametersError.because(reason)
}

fn missing_parameters() -> Error {
    bad_parameters(
        "A signed URL needs X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders and \
         X-Amz-Expires.",
    )
}

fn parse_url(head: &Head) -> Result<Signed> {
    let parameter = |name: &str| head.query.get(name).filter(|value| !value.is_empty());
    let credential = parameter("X-Amz-Credential").ok_or_else(missing_parameters)?;
    let signature = parameter("X-Amz-Signature").ok_or_else(missing_parameters)?;
    let date = parameter("X-Amz-Date").ok_or_else(missing_parameters)?;
    let signed_headers = parameter("X-Amz-SignedHeaders").ok_or_else(missing_parameters)?;
    let expires = parameter("X-Amz-Expires").ok_or_else(missing_parameters)?;
    let parsed = Terms::parse(credential);
    let (access_key, terms) =
        parsed.ok_or_else(|| bad_parameters("X-Amz-Credential is not key/date/region/service/aws4_request."))?;
    check_names(signed_headers).map_err(bad_parameters)?;
    check_service(head, &terms).map_err(bad_parameters)?;
    let sent = parse_recent_date(date).filter(|_| is_basic(date));
    let sent = sent.ok_or_else(|| bad_parameters("X-Amz-Date is not of the form yyyyMMddTHHmmssZ."))?;
    if !terms.is_of_day(sent) {
        return Err(bad_parameters("The date of X-Amz-Credential is not that of X-Amz-Date."));
    }
    let is_number = expires.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = expires.parse().ok().filter(|seconds| is_number && (1..=limits::URL_SECONDS_MAX).contains(seconds));
    // The compatibility suite wants 403, where AWS answers 400.
    let seconds: u64 =
        seconds.ok_or_else(|| Code::AccessDenied.because("X-Amz-Expires is not from 1 to 604800 seconds."))?;
    let moment = Moment::Window { sent, until_seconds: sent / 1000 + seconds };
    let terms = Terms { signed_headers: signed_headers.to_owned(), date: date.to_owned(), ..terms };
    Ok(signed(access_key, signature, &URL, moment, terms))
}

fn signed(access_key: &str, signature: &str, scheme: &'static Scheme, moment: Moment, terms: Terms) -> Signed {
    let signature = parse_hex::<32>(signature).map(Vec::from).unwrap_or_default();
    Signed { access_key: access_key.to_owned(), scheme, signature, moment, terms: Some(Box::new(terms)) }
}

fn check_header(signed: &Signed, head: &Head, secret: &str) -> Result<()> {
    let payload = match head.header("x-amz-content-sha256") {
        Some(payload) => payload,
        // As OBS's S3-compatible samples have it. What comes with a body says what is covered of it.
        None if !head.has_body()? => EMPTY_SHA256,
        None => return Err(Code::InvalidRequest.because("The header x-amz-content-sha256 is missing.")),
    };
    check(signed, head, secret, payload)
}

fn check_url(signed: &Signed, head: &Head, secret: &str) -> Result<()> {
    let payload = head.query.get("X-Amz-Content-Sha256").or_else(|| {
        // A header is as good where it is signed. Calls of the token service have the digest of their body there.
        let is_signed = signed.terms.as_ref().is_some_and(|terms| covers(terms, "x-amz-content-sha256"));
        let is_signed = is_signed || token_call::is_call(head);
        head.header("x-amz-content-sha256").filter(|_| is_signed)
    });
    check(signed, head, secret, payload.unwrap_or(UNSIGNED_PAYLOAD))
}

fn covers(terms: &Terms, name: &str) -> bool {
    terms.signed_headers.split(';').any(|signed| signed == name)
}

fn check(signed: &Signed, head: &Head, secret: &str, payload: &str) -> Result<()> {
    let Some(terms) = &signed.terms else { return Err(Error::internal("a signature without its terms")) };
    refuse_unsigned(head, terms)?;
    let key = terms.signing_key(secret);
    let mut request = String::with_capacity(512);
    let mut first = None;
    for form in [PathForm::Encoded, PathForm::Raw] {
        request.clear();
        write_request(head, form, &terms.signed_headers, payload, &mut request)?;
        let string = string_to_sign(ALGORITHM, &terms.date, &terms.scope, &Sha256::digest(&request).into());
        if hmac(&key, string.as_bytes()).ct_eq(&signed.signature).into() {
            return Ok(());
        }
        first.get_or_insert((string, request.clone()));
    }
    let (string, request) = first.unwrap_or_default();
    Err(super::mismatch(&signed.access_key, string.as_bytes()).detail("CanonicalRequest", request))
}

/// A header that counts and is not covered would change what was signed: 403 `AccessDenied`. Of signed URLs, whoever has
/// one may say what its body's digest is, where the URL does not; the body is then held to it.
fn refuse_unsigned(head: &Head, terms: &Terms) -> Result<()> {
    let covered = head.query.get("X-Amz-Content-Sha256").filter(|covered| *covered != UNSIGNED_PAYLOAD);
    let is_other = |header: &str| covered.is_some() && head.header(header) != covered;
    let own = head.headers.keys().map(hyper::header::HeaderName::as_str).filter(|name| head.dialect.reads(name));
    let is_free = |name: &str| name == "x-amz-content-sha256" && !is_other(name);
    let mut unsigned = own.filter(|name| !is_free(name) && !covers(terms, name));
    match unsigned.next() {
        None => Ok(()),
        Some(name) => Err(Code::AccessDenied
            .because("There were headers present in the request which were not signed")
            .detail("HeadersNotSigned", name)),
    }
}

impl Signed {
    /// What the chunks of the body are signed with, if the request was signed in this version's header.
    pub fn seed(&self, secret: &str) -> Option<Seed> {
        let terms = self.terms.as_ref().filter(|_| self.scheme.place == Place::Header)?;
        Some(Seed {
            signing_key: terms.signing_key(secret),
            date: terms.date.clone(),
            scope: terms.scope.clone(),
            signature: hex(&self.signature),
        })
    }

    /// Refuses a signature for another region than `region` with 400 `AuthorizationHeaderMalformed`, which names the
    /// right one.
    pub fn check_region(&self, region: &str) -> Result<()> {
        self.terms.as_ref().map_or(Ok(()), |terms| terms.check_region(region))
    }

    /// Whether this is a signature of this version, made for `region`.
    pub fn is_for_region(&self, region: &str) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.region() == region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Claim, claim, sign_header, sign_url_v4};
    use crate::wire::address::Endpoints;
    use crate::wire::dialect::Dialect;

    /// Keys and requests of the S3 reference, "Examples: Signature Calculations".
    const KEYS: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    /// 2013-05-24T00:00:00Z.
    const THEN: UnixMillis = 1_369_353_600_000;

    fn head(method: &str, target: &str, lines: &[(&str, &str)]) -> Head {
        let request = hyper::Request::builder().method(method).uri(target);
        let request = lines.iter().fold(request, |request, line| request.header(line.0, line.1));
        let endpoints = Endpoints::new(vec!["s3.amazonaws.com".into()]);
        Head::parse(request.body(()).unwrap().into_parts().0, &endpoints).unwrap()
    }

    fn verify_at(head: &Head, secret: &str, now: UnixMillis) -> Result<Signed> {
        match claim(head)? {
            Claim::Anonymous => panic!("nothing is signed"),
            Claim::Signed(signed) => signed.check(head, secret, now).map(|()| signed),
        }
    }

    fn code(outcome: Result<Signed>) -> Option<Code> {
        outcome.err().map(|error| error.code())
    }

    /// A documented request, its headers in the documented order.
    fn check_documented(method: &str, target: &str, lines: &[(&str, &str)], names: &str, signature: &str) {
        for comma in [",", ", "] {
            let credential = format!("Credential={}/20130524/us-east-1/s3/aws4_request", KEYS.0);
            let value = format!("{ALGORITHM} {credential}{comma}SignedHeaders={names}{comma}Signature={signature}");
            let mut lines = lines.to_vec();
            lines.push(("authorization", &value));
            let head = head(method, target, &lines);
            let signed = verify_at(&head, KEYS.1, THEN).unwrap();
            assert_eq!(signed.access_key, KEYS.0);
            assert_eq!(code(verify_at(&head, "other", THEN)), Some(Code::SignatureDoesNotMatch));
            assert_eq!(signed.seed(KEYS.1).unwrap().signature, signature);
            let refused = signed.check_region("eu-west-1").unwrap_err();
            assert_eq!(refused.code(), Code::AuthorizationHeaderMalformed);
            signed.check_region("us-east-1").unwrap();
        }
    }

    #[test]
    fn the_documented_examples_pass() {
        const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
        const DATE: (&str, &str) = ("x-amz-date", "20130524T000000Z");
        let empty = ("x-amz-content-sha256", EMPTY_SHA256);
        check_documented(
            "GET",
            "/test.txt",
            &[HOST, DATE, empty, ("range", "bytes=0-9")],
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
        check_documented(
            "PUT",
            "/test$file.text",
            &[
                HOST,
                DATE,
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
            ],
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
        check_documented(
            "GET",
            "/?lifecycle",
            &[HOST, DATE, empty],
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        );
        check_documented(
            "GET",
            "/?max-keys=2&prefix=J",
            &[HOST, DATE, empty],
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        );
    }

    #[test]
    fn the_documented_url_passes_while_it_holds() {
        let url = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F\
                   us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&\
                   X-Amz-SignedHeaders=host&X-Amz-Signature=\
                   aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        let lines = [("host", "examplebucket.s3.amazonaws.com")];
        let day = 24 * 60 * 60 * 1000;
        let get = |url: &str, now| code(verify_at(&head("GET", url, &lines), KEYS.1, now));
        assert_eq!(get(url, THEN + day), None);
        assert_eq!(get(url, THEN + day + 1000), Some(Code::AccessDenied));
        assert_eq!(get(url, THEN - 16 * 60 * 1000), Some(Code::AccessDenied));
        assert_eq!(get(&format!("{url}&x=1"), THEN), Some(Code::SignatureDoesNotMatch));
        for bad in ["0", "-7", "604801", "x", "%2B9"] {
            let url = url.replace("Expires=86400", &format!("Expires={bad}"));
            assert_eq!(get(&url, THEN), Some(Code::AccessDenied), "{bad}");
        }
        for missing in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"] {
            let url = url.replace(&format!("X-Amz-{missing}="), "x-other=");
            assert_eq!(get(&url, THEN), Some(Code::AuthorizationQueryParametersError), "{missing}");
        }
        let acl = head("GET", url, &[lines[0], ("x-amz-acl", "public-read")]);
        assert_eq!(code(verify_at(&acl, KEYS.1, THEN)), Some(Code::AccessDenied));
    }

    /// What an `Authorization` value is refused with, on a request of [`THEN`].
    fn check_refused(value: &str, lines: &[(&str, &str)], expected: Code) {
        let mut lines = lines.to_vec();
        lines.extend([("host", "s3.amazonaws.com"), ("authorization", value)]);
        assert_eq!(code(verify_at(&head("GET", "/photos/k", &lines), KEYS.1, THEN)), Some(expected), "{value}");
    }

    #[test]
    fn refusals_have_their_codes() {
        let date = ("x-amz-date", "20130524T000000Z");
        let signature = "0".repeat(64);
        let of = |credential: &str, names: &str| {
            format!("{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}")
        };
        let good = "AK/20130524/us-east-1/s3/aws4_request";
        check_refused(&of(good, "host;x-amz-date"), &[date], Code::SignatureDoesNotMatch);
        check_refused(&of(good, "host"), &[date], Code::AccessDenied);
        check_refused(&of(good, "x-amz-date"), &[date], Code::AuthorizationHeaderMalformed);
        check_refused(&of(good, "Host"), &[date], Code::AuthorizationHeaderMalformed);
        // Each name would be written with all its values again.
        check_refused(&of(good, "host;x-amz-date;x-amz-date"), &[date], Code::AuthorizationHeaderMalformed);
        let names: Vec<String> = (0..limits::HEADER_COUNT_MAX).map(|number| format!("x-{number}")).collect();
        check_refused(&of(good, &format!("host;{}", names.join(";"))), &[date], Code::AuthorizationHeaderMalformed);
        for credential in [
            "AK",
            "",
            "/20130524/us-east-1/s3/aws4_request",
            "AK/20130524/us-east-1/s3/aws3_request",
            "AK/20130524/us-east-1/ec2/aws4_request",
            "AK/20130524/us-east-1/sts/aws4_request",
            "AK/20130524//s3/aws4_request",
            "AK/2013/us-east-1/s3/aws4_request",
            "AK/20130520/us-east-1/s3/aws4_request",
        ] {
            check_refused(&of(credential, "host;x-amz-date"), &[date], Code::AuthorizationHeaderMalformed);
        }
        for value in ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x", "AWS4-HMAC-SHA256 a=b,c=d"] {
            check_refused(value, &[date], Code::AuthorizationHeaderMalformed);
        }
        check_refused(&format!("{}, Signature=x", of(good, "host")), &[date], Code::AuthorizationHeaderMalformed);
        check_refused(&of(good, "host"), &[], Code::AccessDenied);
        check_refused(&of(good, "host"), &[("x-amz-date", "soon")], Code::AccessDenied);
        check_refused(&of(good, "host"), &[("x-amz-date", "20130524T001501Z")], Code::RequestTimeTooSkewed);
        check_refused("AWS4-ECDSA-P256-SHA256 Credential=x", &[date], Code::ServiceNotImplemented);
    }

    #[test]
    fn a_day_of_another_time_zone_passes() {
        let sign = |day: &str| {
            let scope = format!("{day}/us-east-1/s3/aws4_request");
            let head = head("GET", "/photos/k", &[("host", "s3.amazonaws.com")]);
            let mut request = String::new();
            write_request(&head, PathForm::Raw, "host", EMPTY_SHA256, &mut request).unwrap();
            let covered = Sha256::digest(&request).into();
            let string = string_to_sign(ALGORITHM, "20130524T000000Z", &scope, &covered);
            let signature = hex(&hmac(&signing_key(KEYS.1, &scope), string.as_bytes()));
            format!("{ALGORITHM} Credential=AK/{scope},SignedHeaders=host,Signature={signature}")
        };
        for (day, expected) in
            [("20130523", None), ("20130525", None), ("20130526", Some(Code::AuthorizationHeaderMalformed))]
        {
            let value = sign(day);
            let date = ("date", "Fri, 24 May 2013 00:00:00 GMT");
            let head = head("GET", "/photos/k", &[("host", "s3.amazonaws.com"), date, ("authorization", &value)]);
            assert_eq!(code(verify_at(&head, KEYS.1, THEN)), expected, "{day}");
        }
    }

    #[test]
    fn what_we_sign_we_accept() {
        let endpoints = Endpoints::new(vec!["s3.amazonaws.com".into()]);
        let check = |method: &str, host: &str, target: &str, headers: &[(&str, &str)]| {
            let mut owned: Vec<(String, String)> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let url = sign_url_v4(method, host, target, &owned, &endpoints, ("AK", "secret"), "r", (THEN, 60)).unwrap();
            let mut lines = headers.to_vec();
            lines.push(("host", host));
            verify_at(&head(method, &url, &lines), "secret", THEN).unwrap();
            owned.push(("x-amz-date".to_owned(), "20130524T000000Z".to_owned()));
            let value = sign_header(Dialect::S3, method, host, target, &owned, &endpoints, "AK", "secret").unwrap();
            lines.extend([("x-amz-date", "20130524T000000Z"), ("authorization", value.as_str())]);
            verify_at(&head(method, target, &lines), "secret", THEN).unwrap();
        };
        check("GET", "photos.s3.amazonaws.com", "/?quota", &[]);
        check("GET", "192.0.2.10:9000", "/photos/a%20b?x-id=GetObject&partNumber=1", &[("range", "bytes=0-")]);
        check("PUT", "192.0.2.10:9000", "/photos/%2F~+", &[("x-amz-meta-a", "é  b"), ("content-type", "text/plain")]);
    }
}
