//! Who signed a request: the table of signature schemes, and what a request claims before its key is looked up.
//!
//! Not here: accounts, keys and permissions. The caller finds the secret that belongs to a claim's access key.

pub mod admin;
pub mod attempts;
pub mod canonical;
mod canonical_v4;
pub mod date;
pub mod form;
pub mod form_policy;
mod hs256;
mod sign;
pub mod temporary;
pub mod token;
mod v2;
mod v4;

pub use sign::{SIGNING_REGION, sign_form_v4, sign_header, sign_header_v4, sign_url, sign_url_v4};
pub use v2::{refuse_policy_url, sign_string};
pub use v4::{Seed, signing_key};

use hyper::header::AUTHORIZATION;

use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::Head;

/// What a request says about its sender.
#[derive(Debug)]
pub enum Claim {
    /// Nothing.
    Anonymous,
    /// That it holds the secret of an access key, still to be checked.
    Signed(Signed),
}

/// A signature, taken apart but not yet checked.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The access key the signature names.
    pub access_key: String,
    /// The scheme that recognised it.
    pub scheme: &'static Scheme,
    /// The bytes presented; empty if they could not be decoded, which equals no digest.
    signature: Vec<u8>,
    moment: Moment,
    /// What a signature of version 4 says of itself.
    terms: Option<Box<v4::Terms>>,
}

/// When a signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Made then, and good while the clocks differ by no more than [`limits::CLOCK_SKEW_SECONDS_MAX`].
    Sent(UnixMillis),
    /// Good up to and including this second of Unix time.
    Expires(u64),
    /// Made then, and good up to and including a second of Unix time.
    Window {
        /// When it was made.
        sent: UnixMillis,
        /// The last second it is good in.
        until_seconds: u64,
    },
}

/// Where a scheme puts its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the `Authorization` header.
    Header,
    /// In query parameters.
    Url,
}

/// One way of signing requests.
#[derive(Debug)]
pub struct Scheme {
    /// Name, for logs and metrics.
    pub name: &'static str,
    /// Where the signature is.
    pub place: Place,
    /// `None` if the request, with this `Authorization` text, is not signed this way; an error if it is, but badly.
    claim: fn(&Head, Option<&str>) -> Option<Result<Signed>>,
    /// Whether the signature was made with this secret.
    check: fn(&Signed, &Head, &str) -> Result<()>,
}

/// Every scheme. At most one may claim a request.
pub static SCHEMES: &[&Scheme] = &[&v2::OBS_HEADER, &v2::AWS_HEADER, &v2::OBS_URL, &v2::AWS_URL, &v4::HEADER, &v4::URL];

/// What `head` says about its sender.
///
/// Two signatures, an unknown `Authorization` word or a mutilated one are 400 `InvalidArgument`; a signature without
/// a readable date or expiry is 403 `AccessDenied`. Whether the key needs a security token is not known here yet:
/// [`temporary::check_token`] asks once it is.
pub fn claim(head: &Head) -> Result<Claim> {
    let mut values = head.headers.get_all(AUTHORIZATION).iter();
    // A value that is not text is an unknown word.
    let authorization = values.next().map(|value| str::from_utf8(value.as_bytes()).unwrap_or_default());
    if values.next().is_some() {
        return Err(Code::InvalidArgument.because("The Authorization header appears more than once."));
    }
    let has_word = authorization.is_some();
    let claim_by = |scheme: &&'static Scheme| (scheme.claim)(head, authorization).map(|signed| (*scheme, signed));
    let mut claims = SCHEMES.iter().filter_map(claim_by);
    let Some((scheme, signed)) = claims.next() else {
        // Published SDKs look for this very sentence to fall back to another scheme.
        return if has_word {
            Err(Code::InvalidArgument.because("Unsupported Authorization Type"))
        } else {
            Ok(Claim::Anonymous)
        };
    };
    if claims.next().is_some() || (has_word && scheme.place == Place::Url) {
        return Err(Code::InvalidArgument.because("Only one authentication mechanism is allowed in a request."));
    }
    Ok(Claim::Signed(signed?))
}

impl Signed {
    /// Whether it is of version 4, which covers the body by its digest.
    pub fn covers_body(&self) -> bool {
        self.terms.is_some()
    }

    /// When the signature holds.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Checks the claim against the secret of its access key: first the time, then the signature.
    ///
    /// 403 `RequestTimeTooSkewed`, `AccessDenied` (expired) or `SignatureDoesNotMatch`, which shows the string that
    /// should have been signed.
    pub fn check(&self, head: &Head, secret: &str, now_millis: UnixMillis) -> Result<()> {
        self.moment.check(now_millis)?;
        (self.scheme.check)(self, head, secret)
    }
}

impl Moment {
    fn check(self, now_millis: UnixMillis) -> Result<()> {
        match self {
            Self::Sent(millis) if millis.abs_diff(now_millis) > limits::CLOCK_SKEW_SECONDS_MAX * 1000 => {
                Err(Code::RequestTimeTooSkewed.into())
            }
            Self::Window { sent, .. } if sent > now_millis + limits::CLOCK_SKEW_SECONDS_MAX * 1000 => {
                Err(Code::AccessDenied.because("Request is not valid yet"))
            }
            Self::Expires(seconds) | Self::Window { until_seconds: seconds, .. } if seconds < now_millis / 1000 => {
                Err(Code::AccessDenied.because("Request has expired"))
            }
            Self::Sent(_) | Self::Expires(_) | Self::Window { .. } => Ok(()),
        }
    }
}

/// The refusal of a signature; clients show the string to find where theirs differs.
fn mismatch(access_key: &str, string_to_sign: &[u8]) -> Error {
    Error::from(Code::SignatureDoesNotMatch)
        .detail("AccessKeyId", access_key)
        .detail("StringToSign", String::from_utf8_lossy(string_to_sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_minutes_pass_and_no_more() {
        let code = |moment: Moment, now_millis| moment.check(now_millis).err().map(|error| error.code());
        let quarter = 15 * 60 * 1000;
        for sent in [0, quarter, 5 * quarter] {
            assert_eq!(code(Moment::Sent(sent), sent + quarter), None);
            assert_eq!(code(Moment::Sent(sent + quarter), sent), None);
            assert_eq!(code(Moment::Sent(sent), sent + quarter + 1), Some(Code::RequestTimeTooSkewed));
            assert_eq!(code(Moment::Sent(sent + quarter + 1), sent), Some(Code::RequestTimeTooSkewed));
        }
        assert_eq!(code(Moment::Expires(10), 10_999), None);
        assert_eq!(code(Moment::Expires(10), 11_000), Some(Code::AccessDenied));
        assert_eq!(code(Moment::Expires(u64::MAX), u64::MAX), None);
        let window = Moment::Window { sent: 2 * quarter, until_seconds: 4 * quarter / 1000 };
        assert_eq!(code(window, quarter), None);
        assert_eq!(code(window, quarter - 1), Some(Code::AccessDenied));
        assert_eq!(code(window, 4 * quarter + 999), None);
        assert_eq!(code(window, 4 * quarter + 1000), Some(Code::AccessDenied));
    }
}
