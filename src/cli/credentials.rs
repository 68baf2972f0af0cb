//! Where the command line tools find the root account's key pair: flags and environment first, then the data folder.

use super::failure::Failure;
use crate::config::{Config, Credentials};

/// A key pair and, for messages, where it was found.
#[derive(Clone, Debug)]
pub(super) struct KeyPair {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) origin: String,
}

/// The root account's key pair as `config` gives it, else as `<data>/root-credentials` does.
pub(super) fn find_root(config: &Config) -> Result<KeyPair, Failure> {
    if let Some((access_key, secret_key)) = config.root.key_pair() {
        let origin = "the settings root_access_key and root_secret_key".to_owned();
        return Ok(KeyPair { access_key: access_key.to_owned(), secret_key: secret_key.to_owned(), origin });
    }
    let path = Credentials::path(&config.data);
    match Credentials::read(&config.data)? {
        Some(found) => Ok(KeyPair {
            access_key: found.access_key,
            secret_key: found.secret_key,
            origin: path.display().to_string(),
        }),
        None => Err(Failure::Usage(format!(
            "no root credentials: {} does not exist (`obs-gateway serve` writes it at its first start)\n\
             point --data or OBS_GATEWAY_DATA at the server's data folder, or set OBS_GATEWAY_ROOT_ACCESS_KEY and \
             OBS_GATEWAY_ROOT_SECRET_KEY",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_win_over_the_file_and_nothing_is_an_error_with_a_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data: folder.path().to_owned(), ..Config::for_testing() };
        let message = find_root(&config).unwrap_err().to_string();
        assert!(message.contains("root-credentials") && message.contains("OBS_GATEWAY_DATA"), "{message}");

        let written = Credentials {
            access_key: "FROM-FILE".into(),
            secret_key: "secret-of-file".into(),
            email: None,
            password: None,
        };
        written.write(folder.path()).unwrap();
        let found = find_root(&config).unwrap();
        assert_eq!((found.access_key.as_str(), found.secret_key.as_str()), ("FROM-FILE", "secret-of-file"));
        assert!(found.origin.ends_with("root-credentials"));

        config.root.access_key = Some("FROM-SETTING".into());
        config.root.secret_key = Some("secret-of-setting".into());
        let found = find_root(&config).unwrap();
        assert_eq!((found.access_key.as_str(), found.secret_key.as_str()), ("FROM-SETTING", "secret-of-setting"));
    }
}
