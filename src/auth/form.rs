//! Signatures of forms: HMAC-SHA1 over the Base64 text of the policy, under OBS's words and AWS's (OBS reference,
//! "Authentication of Signature Carried in a Table"). What the policy demands is in `form_policy`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{mismatch, v2};
use crate::error::{Code, Result};
use crate::wire::form::Fields;

/// A form's signature, taken apart but not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedForm {
    /// The access key the signature names.
    pub access_key: String,
    /// The Base64 text that is signed: the policy.
    pub policy: String,
    /// The bytes presented; empty if they could not be decoded, which equals no digest.
    signature: Vec<u8>,
}

/// Fields that name the access key. Samples have them in any letter case.
const ACCESS_KEY_FIELDS: [&str; 3] = ["AccessKeyId", "ObsAccessKeyId", "AWSAccessKeyId"];

/// What a form says about its sender; `None` for nothing.
///
/// OBS's `token` is `key:signature:policy` and wins over the separate fields. Those come together: a policy or
/// signature that is missing is 400 `InvalidArgument`, an access key 403 `AccessDenied`. Fields of AWS Signature
/// Version 4 are 501.
pub fn claim(fields: &Fields) -> Result<Option<SignedForm>> {
    if ["x-amz-algorithm", "x-amz-credential", "x-amz-signature"].iter().any(|name| fields.get(name).is_some()) {
        return Err(Code::ServiceNotImplemented.because(
            "Forms signed with AWS4-HMAC-SHA256 are not implemented by this server; sign with OBS or AWS V2.",
        ));
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
    SignedForm { access_key: access_key.to_owned(), policy: policy.to_owned(), signature }
}

impl SignedForm {
    /// Whether the signature was made with this secret; else 403 `SignatureDoesNotMatch`, which shows the text that
    /// should have been signed.
    pub fn check(&self, secret: &str) -> Result<()> {
        let is_match = v2::is_match(secret, self.policy.as_bytes(), &self.signature);
        if is_match { Ok(()) } else { Err(mismatch(&self.access_key, self.policy.as_bytes())) }
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
        for name in ["x-amz-algorithm", "X-Amz-Credential", "X-Amz-Signature"] {
            check(&[(name, "x"), ("policy", POLICY)], Some(Code::ServiceNotImplemented));
        }
    }

    #[test]
    fn nothing_is_nobody() {
        assert_eq!(read(&[("key", "k"), ("x-obs-security-token", "t")]).unwrap(), None);
    }
}
