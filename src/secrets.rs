//! What is drawn by chance for people and programs: access keys, secret keys; and how a password is kept. Not here:
//! how a secret key is kept (`meta::seal`), or what an imported one may look like (`config`).

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use rand::RngExt as _;

/// A new access key: 20 upper-case letters and digits, as OBS's own are.
#[must_use]
pub fn generate_access_key() -> String {
    random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 20)
}

/// A new secret key: 40 letters and digits.
#[must_use]
pub fn generate_secret_key() -> String {
    random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 40)
}

/// A new token for a temporary access key: 64 letters and digits, more chance than anyone can search through.
#[must_use]
pub fn generate_security_token() -> String {
    random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 64)
}

fn random_text(alphabet: &[u8], length: usize) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect()
}

/// The argon2id hash of a password, in the PHC string format. Takes its time on purpose: not on a thread that serves.
pub fn hash_password(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_documented_form() {
        let (access, secret) = (generate_access_key(), generate_secret_key());
        assert_eq!((access.len(), secret.len()), (20, 40));
        assert!(access.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(generate_secret_key(), secret);
    }

    #[test]
    fn a_hash_is_salted_argon2id() {
        let (first, second) = (hash_password("correct horse").unwrap(), hash_password("correct horse").unwrap());
        assert!(first.starts_with("$argon2id$"));
        assert_ne!(first, second);
    }
}
