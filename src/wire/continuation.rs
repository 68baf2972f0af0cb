//! Continuation tokens of listings: the name of a page's last row, so that clients see that it is none of their business.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::error::{Code, Result};
use crate::limits;

/// What every token begins with, under its encoding: nobody is to take a key for one.
const TOKEN_START: &str = "after:";

/// The token that takes a listing up after `name`, a key or a common prefix.
pub fn token(name: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([TOKEN_START, name].concat())
}

/// The name a token stands for; 400 `InvalidArgument` for what is no token of ours.
pub fn parse_token(token: &str) -> Result<String> {
    let decode = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let name = text.strip_prefix(TOKEN_START)?;
        (1..=limits::KEY_BYTES_MAX).contains(&name.len()).then(|| name.to_owned())
    };
    decode().ok_or_else(|| Code::InvalidArgument.because("The continuation token is not valid."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_read_back(name in ".{1,100}") {
            prop_assert_eq!(parse_token(&token(&name)).unwrap(), name);
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let long = token(&"k".repeat(limits::KEY_BYTES_MAX + 1));
        let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        for bad in ["k", "b/", "%%", &long, &token(""), &encoded("k"), &encoded("AFTER:k"), &format!("{}=", token("k"))]
        {
            assert_eq!(parse_token(bad).unwrap_err().code(), Code::InvalidArgument, "{bad}");
        }
    }
}
