//! Whether a password is an account's. Takes as long for an account that is not there.

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;

use super::refusal::Refusal;
use crate::app::App;
use crate::error::Error;
use crate::secrets::hash_password;

/// Whether `password` has `hash`; without a hash the same work is done, for nothing.
pub(super) async fn holds(app: &App, password: String, hash: Option<String>) -> Result<bool, Refusal> {
    let room = app.attempts.room().await;
    let check = move || {
        let holds = match hash {
            Some(hash) => Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok(),
            None => {
                std::hint::black_box(hash_password(&password).is_ok());
                false
            }
        };
        // Held by the work, not by the request: a client that hangs up makes no room.
        drop(room);
        holds
    };
    Ok(tokio::task::spawn_blocking(check).await.map_err(Error::internal)?)
}
