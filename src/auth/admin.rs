//! Signatures of the admin API: HMAC-SHA1 under a key of the root account, as `OBS` signatures are, over the path as
//! sent. Client and server share these functions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The text whose HMAC-SHA1 under the secret key signs an admin request. `content_md5` (Base64) and `content_type`
/// are empty when the request has no body; `date` is the text of `x-obs-date` (RFC 1123); `path_and_query` is as on
/// the request line. The third line, where `Date` would be, is always empty.
pub fn admin_string_to_sign(
    method: &str,
    content_md5: &str,
    content_type: &str,
    date: &str,
    path_and_query: &str,
) -> String {
    format!("{method}\n{content_md5}\n{content_type}\n\nx-obs-date:{date}\n{path_and_query}")
}

/// Base64 of the HMAC-SHA1 of `text` under `secret_key`, which may have any length.
#[expect(clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
pub fn admin_signature(secret_key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret_key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    BASE64.encode(mac.finalize().into_bytes())
}
