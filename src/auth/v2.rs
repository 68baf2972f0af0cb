//! HMAC-SHA1 signatures, header and URL form, under OBS's words and AWS's: the two are one algorithm (OBS reference,
//! "Authentication of Signature in a Header" and "… in a URL"). The strings come from `canonical`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::auth::canonical::{Input, Variant};
use crate::auth::date::parse_recent_date;
use crate::auth::{Moment, Place, Scheme, Signed, mismatch};
use crate::error::{Code, Result};
use crate::wire::Head;
use crate::wire::query::Query;

/// `Authorization: OBS access-key:signature`.
pub(super) static OBS_HEADER: Scheme = Scheme {
    name: "obs-header",
    place: Place::Header,
    claim: |head, value| claim_header(head, value, &OBS),
    check: check_obs,
};
/// `Authorization: AWS access-key:signature`.
pub(super) static AWS_HEADER: Scheme = Scheme {
    name: "aws-v2-header",
    place: Place::Header,
    claim: |head, value| claim_header(head, value, &AWS),
    check: check_aws,
};
/// `AccessKeyId`, `Expires` and `Signature` in the query.
pub(super) static OBS_URL: Scheme =
    Scheme { name: "obs-url", place: Place::Url, claim: |head, _| claim_url(head, &OBS), check: check_obs };
/// `AWSAccessKeyId`, `Expires` and `Signature` in the query.
pub(super) static AWS_URL: Scheme =
    Scheme { name: "aws-v2-url", place: Place::Url, claim: |head, _| claim_url(head, &AWS), check: check_aws };

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

fn claim_header(head: &Head, authorization: Option<&str>, words: &Words) -> Option<Result<Signed>> {
    let (word, credentials) = authorization.map(|value| value.split_once(' ').unwrap_or((value, "")))?;
    (word == words.authorization).then(|| parse_header(head, credentials.trim(), words))
}

fn parse_header(head: &Head, credentials: &str, words: &Words) -> Result<Signed> {
    let parts = credentials.rsplit_once(':').filter(|(key, signature)| !key.is_empty() && !signature.is_empty());
    let Some((access_key, signature)) = parts else {
        return Err(Code::InvalidArgument.because("The Authorization header is not of the form `word key:signature`."));
    };
    let date = Input::of(head, words.prefix).date();
    let Some(sent) = date.and_then(parse_recent_date) else {
        return Err(
            Code::AccessDenied.because("A signed request needs a valid Date or x-obs-date (x-amz-date) header.")
        );
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

/// Refuses with 501 a URL that is signed over a policy rather than a request, as the SDKs for browsers can make them. Its
/// parameter `Policy` is no sub-resource, so this is to be asked before what the request means.
pub fn refuse_policy_url(query: &Query) -> Result<()> {
    let has_key = [&OBS, &AWS].iter().any(|words| query.has(words.parameter));
    if has_key && query.has("Policy") && query.has("Signature") && !query.has("Expires") {
        return Err(
            Code::ServiceNotImplemented.because("URLs signed over a Policy are not implemented by this server.")
        );
    }
    Ok(())
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
    Signed { access_key: access_key.to_owned(), scheme, signature, moment, terms: None }
}

fn check_obs(signed: &Signed, head: &Head, secret: &str) -> Result<()> {
    check(signed, head, secret, &OBS)
}

fn check_aws(signed: &Signed, head: &Head, secret: &str) -> Result<()> {
    check(signed, head, secret, &AWS)
}

fn check(signed: &Signed, head: &Head, secret: &str, words: &Words) -> Result<()> {
    let input = Input::of(head, words.prefix);
    let input = if signed.scheme.place == Place::Url { input.in_url() } else { input };
    let expected = match find(signed, head, secret, &input) {
        Ok(()) => return Ok(()),
        Err(expected) => expected,
    };
    // The OBS SDKs never move a header into the query without signing it as a parameter.
    let moves = signed.scheme.place == Place::Url && !head.dialect.is_obs();
    let moved = if moves { input.with_moved_parameters() } else { None };
    match moved.map(|moved| find(signed, head, secret, &moved)) {
        Some(Ok(())) => Ok(()),
        _ => Err(mismatch(&signed.access_key, &expected)),
    }
}

/// Looks for a variant of the string that the signature fits; gives the first one where there is none.
fn find(signed: &Signed, head: &Head, secret: &str, input: &Input<'_>) -> std::result::Result<(), Vec<u8>> {
    let mut string = Vec::with_capacity(512);
    input.write_before_resource(date_slot(head, input, signed.moment), &mut string);
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
    Err(first)
}

/// What stands in the date's place: `Expires` as sent wins over any date.
fn date_slot<'a>(head: &'a Head, input: &Input<'a>, moment: Moment) -> &'a str {
    match moment {
        Moment::Sent(_) | Moment::Window { .. } => input.date_slot(),
        Moment::Expires(_) => head.query.get("Expires").unwrap_or_default(),
    }
}

/// Whether `signature` is that of `string`; compared in constant time.
pub(super) fn is_match(secret: &str, string: &[u8], signature: &[u8]) -> bool {
    digest(secret, string).ct_eq(signature).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::{Claim, claim};
    use crate::error::Error;
    use crate::wire::address::Endpoints;

    const NOW_MS: u64 = 1_435_721_265_000;
    const DATE: &str = "Wed, 01 Jul 2015 03:27:45 GMT";

    fn head(path: &str, lines: &[(&str, &str)]) -> Head {
        let request = hyper::Request::get(path).header("host", "192.0.2.10");
        let request = lines.iter().fold(request, |request, line| request.header(line.0, line.1));
        Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap()
    }

    fn verify(head: &Head) -> Result<()> {
        match claim(head)? {
            Claim::Anonymous => panic!("nothing is signed"),
            Claim::Signed(signed) => signed.check(head, "secret", NOW_MS),
        }
    }

    /// A client signs `resource` and sends `path`.
    fn check_variant(word: &str, path: &str, resource: &str, passes: bool) {
        let signature = sign_string("secret", format!("GET\n\n\n{DATE}\n{resource}").as_bytes());
        let head = head(path, &[("date", DATE), ("authorization", &format!("{word} AK:{signature}"))]);
        assert_eq!(verify(&head).is_ok(), passes, "{word} {path} signed as {resource}");
    }

    #[test]
    fn variants_of_published_clients_pass() {
        check_variant("AWS", "/photos", "/photos/", true);
        check_variant("OBS", "/photos/?acl", "/photos?acl", true);
        check_variant("OBS", "/photos/a%20b*", "/photos/a%20b%2A", true);
        check_variant("OBS", "/photos/a%20b%2A%7E", "/photos/a+b*%7E", true);
        check_variant("OBS", "/photos?customdomain=a", "/photos", true);
        check_variant("OBS", "/photos?uploads=", "/photos?uploads=", true);
        check_variant("AWS", "/photos/?encryption", "/photos/", true);
    }

    #[test]
    fn other_resources_do_not() {
        check_variant("OBS", "/photos/?encryption", "/photos/", false);
        check_variant("OBS", "/photos?quota", "/photos", false);
        check_variant("OBS", "/photos/k", "/photos/k/", false);
        check_variant("OBS", "/photos/k", "/photos/K", false);
        check_variant("OBS", "/photos/a%2Fb", "/photos/c", false);
        check_variant("AWS", "/photos", "/", false);
    }

    #[test]
    fn an_unencoded_plus_in_a_url_passes() {
        // Some expiry gives a signature with a plus; the URL carries it raw.
        let (expires, signature) = (2_000_000_000_u64..2_000_000_100)
            .map(|expires| (expires, sign_string("secret", format!("GET\n\n\n{expires}\n/photos/k").as_bytes())))
            .find(|(_, signature)| signature.contains('+'))
            .unwrap();
        verify(&head(&format!("/photos/k?AWSAccessKeyId=AK&Expires={expires}&Signature={signature}"), &[])).unwrap();
    }

    fn check_refused(path: &str, lines: &[(&str, &str)], code: Code) -> Error {
        let error = verify(&head(path, lines)).unwrap_err();
        assert_eq!(error.code(), code, "{path} {lines:?}");
        error
    }

    #[test]
    fn refusals_have_their_codes() {
        let sig = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let signed = format!("OBS AK:{sig}");
        let of = |value| [("date", DATE), ("authorization", value)];
        check_refused("/", &of(&signed), Code::SignatureDoesNotMatch);
        check_refused("/", &of("OBS AK:%%"), Code::SignatureDoesNotMatch);
        check_refused("/", &of("OBS AK:AAAA"), Code::SignatureDoesNotMatch);
        for mutilated in ["OBS", "OBS ", "OBS AK", "OBS :x", "OBS AK:", "AWS x"] {
            check_refused("/", &of(mutilated), Code::InvalidArgument);
        }
        let unknown = check_refused("/", &of("Bearer x"), Code::InvalidArgument);
        assert_eq!(unknown.message(), "Unsupported Authorization Type");
        check_refused("/", &of("obs AK:x"), Code::InvalidArgument);
        check_refused("/", &of(""), Code::InvalidArgument);
        check_refused(
            "/",
            &[("date", DATE), ("authorization", &signed), ("authorization", &signed)],
            Code::InvalidArgument,
        );
        check_refused("/", &[("authorization", &signed)], Code::AccessDenied);
        check_refused("/", &[("authorization", &signed), ("date", "soon")], Code::AccessDenied);
        check_refused("/", &[("authorization", &signed), ("date", DATE), ("x-obs-date", "soon")], Code::AccessDenied);
        let late = [("authorization", signed.as_str()), ("date", "Wed, 01 Jul 2015 03:12:44 GMT")];
        check_refused("/", &late, Code::RequestTimeTooSkewed);
        let url = |query: &str| format!("/photos/k?{query}");
        check_refused(&url("AccessKeyId=AK&Expires=1435721264&Signature=AAAA"), &[], Code::AccessDenied);
        check_refused(&url("AccessKeyId=AK&Expires=1435721265&Signature=AAAA"), &[], Code::SignatureDoesNotMatch);
        check_refused(&url("AccessKeyId=AK&Expires=1435721265&Signature=AAAA"), &of(&signed), Code::InvalidArgument);
        check_refused(&url("AccessKeyId=AK&Expires=1435721265&Signature=AAAA"), &of("Bearer x"), Code::InvalidArgument);
        for bad in [
            "AccessKeyId=AK",
            "AccessKeyId=AK&Expires=9999999999",
            "AccessKeyId=&Expires=9999999999&Signature=AAAA",
            "AccessKeyId=AK&Signature=AAAA",
            "AWSAccessKeyId=AK&Expires=-1&Signature=AAAA",
            "AWSAccessKeyId=AK&Expires=+9&Signature=AAAA",
            "AccessKeyId=AK&Expires=99999999999999999999&Signature=AAAA",
            "AccessKeyId=AK&Expires=&Signature=AAAA",
        ] {
            check_refused(&url(bad), &[], Code::AccessDenied);
        }
    }

    #[test]
    fn nothing_is_nobody() {
        assert!(matches!(claim(&head("/photos?acl&Expires=1&Signature=x", &[])), Ok(Claim::Anonymous)));
    }

    proptest! {
        #[test]
        fn any_header_is_claimed_or_refused(word in "(OBS|AWS|)", rest in "[ -~]{0,40}", date in "[ -~]{0,30}") {
            let head = head("/photos/k", &[("authorization", &format!("{word} {rest}")), ("date", &date)]);
            if let Ok(Claim::Signed(signed)) = claim(&head) {
                prop_assert!(signed.check(&head, "secret", NOW_MS).is_err());
            }
        }

        #[test]
        fn any_url_is_claimed_or_refused(query in "(AccessKeyId|Expires|Signature|=|&|[0-9]|%2|[a-zA-Z+])*") {
            let request = hyper::Request::get(format!("/photos/k?{query}")).header("host", "192.0.2.10").body(()).unwrap();
            if let Ok(head) = Head::parse(request.into_parts().0, &Endpoints::default())
                && let Ok(Claim::Signed(signed)) = claim(&head)
            {
                prop_assert!(signed.check(&head, "secret", NOW_MS).is_err());
            }
        }
    }
}
