//! `/site`: what a client asks before it signs in.

use super::{Answer, success};

/// The version of the API that is spoken. Clients tell by its first digit whether they can.
const API_VERSION: &str = "4.18.0";

pub(super) fn ping() -> Answer {
    success(&API_VERSION)
}

/// No captcha stands before the sign-in, and nobody registers here.
pub(super) fn login() -> Answer {
    success(&serde_json::json!({ "login_captcha": false, "register_enabled": false }))
}
