//! Signatures of forms, over the Base64 text of the policy: HMAC-SHA1 under OBS's words and AWS's (OBS reference,
//! "Authentication of Signature Carried in a Table"), and Signature Version 4 (S3 reference, "Authenticating Requests in
//! Browser-Based Uploads Using POST"). What the policy demands is in `form_policy`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::date::parse_recent_date;
use super::{mismatch, v2, v4};
use crate::error::{Code, Error, Result};
use crate::wire::form::Fields;
use crate::wire::parse_hex;

/// A form's signature, taken apart but not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedForm {
    /// The access key the signature names.
    pub access_key: String,
    /// The Base64 text that is signed: the policy.
    pub policy: String,
    /// The bytes presented; empty if they could not be decoded, which equals no digest.
    signature: Vec<u8>,
    /// Of a signature of version 4.
    terms: Option<v4::Terms>,
}

/// Fields that name the access key. Samples have them in any letter case.
const ACCESS_KEY_FIELDS: [&str; 3] = ["AccessKeyId", "ObsAccessKeyId", "AWSAccessKeyId"];
/// Fields of the signatures before version 4, without the policy.
const OLDER_FIELDS: [&str; 5] = ["AccessKeyId", "ObsAccessKeyId", "AWSAccessKeyId", "signature", "token"];

/// What a form says about its sender; `None` for nothing.
///
/// OBS's `token` is `key:signature:policy` and wins over the separate fields. Those come together: a policy or
/// signature that is missing is 400 `InvalidArgument`, an access key 403 `AccessDenied`. So do the fields of Signature
/// Version 4, which are not mixed with others: what is missing or malformed there is 400 `InvalidArgument`.
pub fn claim(fields: &Fields) -> Result<Option<SignedForm>> {
    if fields.is_signed_v4() {
        return claim_v4(fields).map(Some);
    }
    if let Some(token) = fields.get("token") {
        let mut parts = token.splitn(3, ':');
        return match (parts.next(), parts.next(), parts.next()) {
            (Some(access_key), Some(signature), Some(policy)) if !access_key.is_empty() => {
                Ok(Some(signed(access_key, signature, policy)))
            }
            _ => Err(Code::InvalidArgument.because("The field token is not of the form key:signature:policy.")),
        };
    }
    let mut access_keys = ACCESS_KEY_FIELDS.iter().filter_map(|name| fields.get(name));
    let access_key = access_keys.next();
    if access_keys.next().is_some() {
        return Err(Code::InvalidArgument.because("The form names more than one access key."));
    }
    match (access_key, fields.get("signature"), fields.get("policy")) {
        (None, None, None) => Ok(None),
        (_, None, _) => Err(Code::InvalidArgument.because("The form has no field signature.")),
        (_, _, None) => Err(Code::InvalidArgument.because("The form has no field policy.")),
        (None, ..) => Err(Code::AccessDenied.because("The form does not name the access key of its signature.")),
        (Some(access_key), Some(signature), Some(policy)) => Ok(Some(signed(access_key, signature, policy))),
    }
}

fn signed(access_key: &str, signature: &str, policy: &str) -> SignedForm {
    let signature = STANDARD.decode(signature).unwrap_or_default();
    SignedForm { access_key: access_key.to_owned(), policy: policy.to_owned(), signature, terms: None }
}

fn claim_v4(fields: &Fields) -> Result<SignedForm> {
    if OLDER_FIELDS.iter().any(|name| fields.get(name).is_some()) {
        return Err(Code::InvalidArgument.because("The form is signed in more than one way."));
    }
    let field = |name: &str| fields.get(name).ok_or_else(|| bad(format!("The form has no field {name}.")));
    let algorithm = field("x-amz-algorithm")?;
    if algorithm == v4::ASYMMETRIC_ALGORITHM {
        return Err(v4::asymmetric());
    }
    if algorithm != v4::ALGORITHM {
        return Err(bad("The field x-amz-algorithm is not AWS4-HMAC-SHA256."));
    }
    let credential = v4::Terms::parse(field("x-amz-credential")?).filter(|(_, terms)| terms.service() == "s3");
    let (access_key, terms) =
        credential.ok_or_else(|| bad("The field x-amz-credential is not key/date/region/s3/aws4_request."))?;
    let date = field("x-amz-date")?;
    let sent = parse_recent_date(date).filter(|_| v4::is_basic(date));
    // How long the form holds is said in its policy.
    if !sent.is_some_and(|sent| terms.is_of_day(sent)) {
        return Err(bad("The field x-amz-date is not of the form yyyyMMddTHHmmssZ, or not of the credential's day."));
    }
    let signature = parse_hex::<32>(field("x-amz-signature")?).map(Vec::from).unwrap_or_default();
    let policy = field("policy")?.to_owned();
    Ok(SignedForm { access_key: access_key.to_owned(), policy, signature, terms: Some(terms) })
}

fn bad(reason: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Code::InvalidArgument.because(reason)
}

impl SignedForm {
    /// Whether the signature was made with this secret; else 403 `SignatureDoesNotMatch`, which shows the text that
    /// should have been signed.
    pub fn check(&self, secret: &str) -> Result<()> {
        let policy = self.policy.as_bytes();
        let is_match = match &self.terms {
            Some(terms) => v4::hmac(&terms.signing_key(secret), policy).ct_eq(&self.signature).into(),
            None => v2::is_match(secret, policy, &self.signature),
        };
        if is_match { Ok(()) } else { Err(mismatch(&self.access_key, policy)) }
    }

    /// Refuses a signature for another region than `region`, as that of a request.
    pub fn check_region(&self, region: &str) -> Result<()> {
        self.terms.as_ref().map_or(Ok(()), |terms| terms.check_region(region))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "TestVectorSecretKeyForObsGateway00000001";
    /// A sample of the OBS reference.
    const POLICY: &str = "eyJjb25kaXRpb25zIjogW3siYnVja2V0IjogInRlc3QzMDAzMDU4NzE2NjI2ODkzNjcuMTIifSwgeyJDb250ZW50LVR5cGUi\
                          OiAiYXBwbGljYXRpb24veG1sIn0sIFsiZXEiLCAiJGtleSIsICJvYmoudHh0Il1dLCAiZXhwaXJhdGlvbiI6ICIyMDIyLTA5\
                          LTA5VDEyOjA5OjI3WiJ9";
    const SIGNATURE: &str = "2CLrxppFN4JapC8onbsT7pycCy0=";
    /// By Signature Version 4 for 2015-12-29 and us-east-1, made with another implementation.
    const V4_SIGNATURE: &str = "3f60e7a3ac340f0c0270ffae6c34c8884d393c319eb8da95cc6fb7e575586772";

    fn read(fields: &[(&str, &str)]) -> Result<Option<SignedForm>> {
        claim(&fields.iter().copied().collect())
    }

    fn check(fields: &[(&str, &str)], code: Option<Code>) {
        let outcome = read(fields).and_then(|signed| signed.unwrap().check(SECRET));
        assert_eq!(outcome.err().map(|error| error.code()), code, "{fields:?}");
    }

    #[test]
    fn signatures_of_both_dialects_pass() {
        for key in ["AccessKeyId", "Accesskeyid", "ObsAccessKeyId", "AWSAccessKeyId", "AwsAccesskeyid"] {
            let signed = read(&[(key, "AK"), ("Policy", POLICY), ("Signature", SIGNATURE)]).unwrap().unwrap();
            assert_eq!((signed.access_key.as_str(), signed.policy.as_str()), ("AK", POLICY));
            signed.check(SECRET).unwrap();
            assert_eq!(signed.check("other").unwrap_err().code(), Code::SignatureDoesNotMatch);
        }
        let token = format!("AK:{SIGNATURE}:{POLICY}");
        check(&[("token", &token)], None);
        check(&[("token", &token), ("AccessKeyId", "other"), ("signature", "x"), ("policy", "y")], None);
    }

    #[test]
    fn others_do_not() {
        check(
            &[("AccessKeyId", "AK"), ("policy", "e30="), ("signature", SIGNATURE)],
            Some(Code::SignatureDoesNotMatch),
        );
        for signature in ["", "%%", "AAAA"] {
            let fields = [("AccessKeyId", "AK"), ("policy", POLICY), ("signature", signature)];
            check(&fields, Some(Code::SignatureDoesNotMatch));
        }
        check(&[("AccessKeyId", "AK"), ("policy", POLICY)], Some(Code::InvalidArgument));
        check(&[("AccessKeyId", "AK")], Some(Code::InvalidArgument));
        check(&[("policy", POLICY)], Some(Code::InvalidArgument));
        check(&[("signature", SIGNATURE)], Some(Code::InvalidArgument));
        check(&[("AccessKeyId", "AK"), ("signature", SIGNATURE)], Some(Code::InvalidArgument));
        check(&[("policy", POLICY), ("signature", SIGNATURE)], Some(Code::AccessDenied));
        let two = [("AccessKeyId", "AK"), ("AWSAccessKeyId", "AK"), ("policy", POLICY), ("signature", SIGNATURE)];
        check(&two, Some(Code::InvalidArgument));
        for token in ["", "AK", "AK:x", ":x:y"] {
            check(&[("token", token)], Some(Code::InvalidArgument));
        }
    }

    /// A form signed by version 4, some of its fields changed: an empty
    /// value takes a field away.
    fn check_v4(changes: &[(&'static str, &'static str)], code: Option<Code>) {
        let mut fields = vec![
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", "AK/20151229/us-east-1/s3/aws4_request"),
            ("X-Amz-Date", "20151229T000000Z"),
            ("Policy", POLICY),
            ("X-Amz-Signature", V4_SIGNATURE),
        ];
        for (name, value) in changes {
            fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            fields.extend((!value.is_empty()).then_some((*name, *value)));
        }
        check(&fields, code);
    }

    #[test]
    fn version_4_passes() {
        check_v4(&[], None);
        check_v4(&[("x-amz-date", "20151229T235959Z")], None);
        let wrong = Some(Code::SignatureDoesNotMatch);
        check_v4(&[("policy", "e30=")], wrong);
        check_v4(&[("x-amz-signature", "00")], wrong);
        check_v4(&[("x-amz-signature", SIGNATURE)], wrong);
        check_v4(&[("x-amz-credential", "AK/20151229/eu-west-1/s3/aws4_request")], wrong);
        check_v4(&[("x-amz-credential", "AK/20151230/us-east-1/s3/aws4_request")], wrong);
        let fields = [
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", "A/K/20151229/us-east-1/s3/aws4_request"),
            ("x-amz-date", "20151229T000000Z"),
            ("policy", POLICY),
            ("x-amz-signature", V4_SIGNATURE),
        ];
        let signed = read(&fields).unwrap().unwrap();
        assert_eq!(signed.access_key, "A/K");
        assert_eq!(signed.check("other").unwrap_err().code(), Code::SignatureDoesNotMatch);
        signed.check_region("us-east-1").unwrap();
        assert_eq!(signed.check_region("x").unwrap_err().code(), Code::AuthorizationHeaderMalformed);
    }

    #[test]
    fn version_4_is_whole_and_alone() {
        let invalid = Some(Code::InvalidArgument);
        for name in ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "policy", "x-amz-signature"] {
            check_v4(&[(name, "")], invalid);
        }
        for name in ["AccessKeyId", "AWSAccessKeyId", "signature", "token"] {
            check_v4(&[(name, "x")], invalid);
        }
        for credential in ["AK", "AK/20151229/us-east-1/sts/aws4_request", "/20151229/us-east-1/s3/aws4_request"] {
            check_v4(&[("x-amz-credential", credential)], invalid);
        }
        for date in ["20151227T000000Z", "20160102T000000Z", "Tue, 29 Dec 2015 00:00:00 GMT", "x"] {
            check_v4(&[("x-amz-date", date)], invalid);
        }
        check_v4(&[("x-amz-algorithm", "AWS4-HMAC-SHA512")], invalid);
        check_v4(&[("x-amz-algorithm", "AWS4-ECDSA-P256-SHA256")], Some(Code::ServiceNotImplemented));
        check(&[("x-amz-signature", V4_SIGNATURE)], invalid);
    }

    #[test]
    fn nothing_is_nobody() {
        assert_eq!(read(&[("key", "k"), ("x-obs-security-token", "t")]).unwrap(), None);
    }
}
