//! Tokens of those who signed in with a password: JWS compact, HS256 alone, times from the caller's clock. Not here:
//! passwords, accounts, and which chains of tokens were signed out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use super::hs256;
use crate::clock::UnixMillis;
use crate::error::{Error, Result};
use crate::limits;

/// Bytes of the key that signs tokens.
pub const TOKEN_KEY_BYTES: usize = 32;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// For requests, while it lasts.
    Access,
    /// For a fresh pair of tokens, until its chain is signed out.
    Refresh,
}

/// What a token says. Members it may have besides are not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// What it may be used for.
    #[serde(rename = "token_type")]
    pub allows: Use,
    /// Whose it is.
    #[serde(rename = "sub")]
    pub subject: String,
    /// From when it is good, in seconds.
    #[serde(rename = "nbf")]
    pub from_seconds: u64,
    /// From when it is not any more, in seconds.
    #[serde(rename = "exp")]
    pub until_seconds: u64,
    /// [`Tokens::state_hash`] when it was made; of refresh tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_hash: Option<String>,
    /// The sign-in that the chain of refreshes began with; of refresh tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_token_id: Option<Uuid>,
}

/// An access token, and the refresh token that gets the next pair.
#[derive(Clone, Debug)]
pub struct Pair {
    /// For requests.
    pub access: String,
    /// For the next pair.
    pub refresh: String,
    /// When `access` expires.
    pub access_until: UnixMillis,
    /// When `refresh` expires.
    pub refresh_until: UnixMillis,
}

/// Makes tokens and reads its own.
pub struct Tokens {
    signing: EncodingKey,
    reading: DecodingKey,
    validation: Validation,
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Tokens signed with `key`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
    pub fn new(key: &[u8; TOKEN_KEY_BYTES]) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // `read` does it, by the clock it is given: the library would ask the machine's.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            signing: EncodingKey::from_secret(key),
            reading: DecodingKey::from_secret(key),
            validation,
            mac: Hmac::new_from_slice(key).expect("HMAC takes keys of any length"),
        }
    }

    /// A new random key.
    #[must_use]
    pub fn generate_key() -> [u8; TOKEN_KEY_BYTES] {
        rand::random()
    }

    /// A pair for `subject`, good from now on. `state_hash` and `root` go into the refresh token.
    pub fn issue(&self, subject: &str, state_hash: &str, root: Uuid, now: UnixMillis) -> Result<Pair> {
        let from_seconds = now / 1000;
        let access = Claims {
            allows: Use::Access,
            subject: subject.to_owned(),
            from_seconds,
            until_seconds: from_seconds + limits::ACCESS_TOKEN_SECONDS,
            state_hash: None,
            root_token_id: None,
        };
        let refresh = Claims {
            allows: Use::Refresh,
            until_seconds: from_seconds + limits::REFRESH_TOKEN_SECONDS,
            state_hash: Some(state_hash.to_owned()),
            root_token_id: Some(root),
            ..access.clone()
        };
        Ok(Pair {
            access_until: access.until_seconds * 1000,
            refresh_until: refresh.until_seconds * 1000,
            access: self.sign(&access)?,
            refresh: self.sign(&refresh)?,
        })
    }

    fn sign(&self, claims: &Claims) -> Result<String> {
        encode(&Header::new(Algorithm::HS256), claims, &self.signing).map_err(Error::internal)
    }

    /// What `token` says, if it was made here and is good now; `None` for anything else.
    #[must_use]
    pub fn read(&self, token: &str, now: UnixMillis) -> Option<Claims> {
        let claims = decode::<Claims>(token, &self.reading, &self.validation).ok()?.claims;
        let now_seconds = now / 1000;
        let is_good =
            claims.from_seconds <= now_seconds + limits::TOKEN_SKEW_SECONDS_MAX && now_seconds < claims.until_seconds;
        is_good.then_some(claims)
    }

    /// Stands for an account's address and password without giving either away: once one of them changes, refresh
    /// tokens with the old value are worth nothing.
    #[must_use]
    pub fn state_hash(&self, email: &str, password_hash: &str) -> String {
        let mut mac = self.mac.clone();
        // The length keeps the two apart.
        mac.update(&(email.len() as u64).to_be_bytes());
        mac.update(email.as_bytes());
        mac.update(password_hash.as_bytes());
        BASE64.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    const NOW: UnixMillis = 1_435_721_265_482;
    const ROOT: Uuid = Uuid::from_u128(7);

    fn tokens() -> Tokens {
        Tokens::new(&[7; TOKEN_KEY_BYTES])
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    /// A token with any header and payload, signed with the right key by HMAC-SHA256 whatever the header says.
    fn forge(header: &Value, payload: &Value) -> String {
        let text = format!("{}.{}", part(header), part(payload));
        let mut mac = tokens().mac;
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn payload() -> Value {
        json!({"token_type": "access", "sub": "a", "nbf": NOW / 1000, "exp": NOW / 1000 + 10})
    }

    #[test]
    fn a_pair_reads_back_as_what_it_is() {
        let tokens = tokens();
        let pair = tokens.issue("a", "state", ROOT, NOW).unwrap();
        let access = tokens.read(&pair.access, NOW).unwrap();
        assert_eq!(
            (access.allows, access.subject.as_str(), access.state_hash, access.root_token_id),
            (Use::Access, "a", None, None)
        );
        let refresh = tokens.read(&pair.refresh, NOW).unwrap();
        assert_eq!(
            (refresh.allows, refresh.state_hash.as_deref(), refresh.root_token_id),
            (Use::Refresh, Some("state"), Some(ROOT))
        );
        assert!(Tokens::new(&[8; TOKEN_KEY_BYTES]).read(&pair.access, NOW).is_none());
    }

    #[test]
    fn a_client_can_read_the_payload_itself() {
        let pair = tokens().issue("a", "state", ROOT, NOW).unwrap();
        let parts: Vec<&str> = pair.refresh.split('.').collect();
        let decoded = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!((parts.len(), &decoded(parts[0])["alg"]), (3, &json!("HS256")));
        let expected = json!({
            "token_type": "refresh", "sub": "a", "nbf": 1_435_721_265_u64, "exp": 1_436_930_865_u64,
            "state_hash": "state", "root_token_id": ROOT.to_string(),
        });
        assert_eq!(decoded(parts[1]), expected);
    }

    #[test]
    fn a_token_is_good_from_a_minute_before_its_time_until_it_expires() {
        let tokens = tokens();
        let pair = tokens.issue("a", "state", ROOT, NOW).unwrap();
        let second = NOW / 1000 * 1000;
        for (now, is_good) in [
            (second - 60_000, true),
            (second - 60_001, false),
            (pair.access_until - 1, true),
            (pair.access_until, false),
        ] {
            assert_eq!(tokens.read(&pair.access, now).is_some(), is_good, "{now}");
        }
    }

    #[test]
    fn the_right_key_alone_is_not_enough() {
        let good = json!({"alg": "HS256", "typ": "JWT"});
        assert!(tokens().read(&forge(&good, &payload()), NOW).is_some());
        for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", ""] {
            let header = json!({"alg": alg, "typ": "JWT"});
            assert!(tokens().read(&forge(&header, &payload()), NOW).is_none(), "{alg}");
            let unsigned = format!("{}.{}.", part(&header), part(&payload()));
            assert!(tokens().read(&unsigned, NOW).is_none(), "{alg}");
        }
        for missing in ["token_type", "sub", "nbf", "exp"] {
            let mut payload = payload();
            payload.as_object_mut().unwrap().remove(missing);
            assert!(tokens().read(&forge(&good, &payload), NOW).is_none(), "{missing}");
        }
    }

    #[test]
    fn no_altered_byte_passes() {
        let tokens = tokens();
        let token = tokens.issue("a", "state", ROOT, NOW).unwrap().access;
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(tokens.read(&altered, NOW).is_none(), "{altered}");
        }
        for bad in ["", ".", "..", "a.b.c", &token[..token.len() - 1], &format!("{token}.")] {
            assert!(tokens.read(bad, NOW).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_state_follows_address_and_password() {
        let tokens = tokens();
        let state = tokens.state_hash("a@b", "hash");
        assert_eq!(state, tokens.state_hash("a@b", "hash"));
        for other in
            [tokens.state_hash("a@b", "other"), tokens.state_hash("a@bh", "ash"), tokens.state_hash("c@b", "hash")]
        {
            assert_ne!(state, other);
        }
    }
}
