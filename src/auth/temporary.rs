//! Keys that run out, and the security tokens of temporary ones (OBS reference, "Temporary security credentials").
//! Asked after the signature, so that only who holds the secret learns which of the two it is that fails.

use crate::clock::UnixMillis;
use crate::error::{Code, Result};
use crate::meta::Credential;
use crate::wire::dialect::Dialect;

/// Whether `credential` opens anything at `now` for a request that carries `token`.
///
/// A temporary key without its token is 403 `InvalidAccessKeyId`, as if there were none; with another token 403
/// `InvalidSecurity`; one that has run out 403 `ExpiredToken` (in OBS's words `InvalidSecurity` too). A permanent key
/// that has run out is 403 `InvalidAccessKeyId`, as a revoked one is. A token beside a permanent key means nothing, but in
/// S3, where no token belongs to it (400 `InvalidToken`); an empty one is none there.
pub fn check_token(credential: &Credential, token: Option<&str>, dialect: Dialect, now: UnixMillis) -> Result<()> {
    let is_expired = credential.expires_millis.is_some_and(|expires| expires <= now);
    let is_foreign = |token: &str| dialect == Dialect::S3 && !token.is_empty() && !credential.is_temporary();
    match token {
        None if credential.is_temporary() => Err(Code::InvalidAccessKeyId
            .because("The access key is a temporary one, and the request does not carry its security token.")),
        Some(token) if is_foreign(token) => Err(Code::InvalidSecurity.into()),
        Some(token) if credential.is_temporary() && !credential.has_token(token) => Err(Code::InvalidSecurity.into()),
        _ if !is_expired => Ok(()),
        _ if credential.is_temporary() => Err(Code::ExpiredToken.into()),
        _ => Err(Code::InvalidAccessKeyId.because("The access key has expired.")),
    }
}
