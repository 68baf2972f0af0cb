//! The file `root-credentials` in the data folder: written once at first start for its owner's eyes only, read by the
//! command line tools. Not here: the accounts themselves, which are records in `meta`.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The root account's credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
    /// E-mail address for signing in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Password for signing in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl Credentials {
    /// Where the credentials of the data folder `data` are.
    pub fn path(data: &Path) -> PathBuf {
        data.join("root-credentials")
    }

    /// Reads the credentials of `data`; `None` if there is no such file. Unreadable or incomplete is an error.
    pub fn read(data: &Path) -> Result<Option<Self>, ConfigError> {
        let path = Self::path(data);
        let text = match read_private(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(error) => return Err(ConfigError::Credentials { path, problem: error.to_string() }),
        };
        match toml::from_str(&text) {
            Ok(credentials) => Ok(Some(credentials)),
            // The parser's own rendering quotes the line, and the line may be the secret.
            Err(error) => Err(ConfigError::Credentials { path, problem: error.message().to_owned() }),
        }
    }

    /// Writes the credentials of `data` (which must exist), readable by the owner alone (mode 0600), in place of what
    /// was there. Complete or not at all, also after power loss.
    pub fn write(&self, data: &Path) -> Result<(), ConfigError> {
        let path = Self::path(data);
        let text = match toml::to_string(self) {
            Ok(text) => format!("# Credentials of the root account. Keep this file private.\n{text}"),
            Err(error) => return Err(ConfigError::Credentials { path, problem: error.to_string() }),
        };
        write_private(&path, &text).map_err(|error| ConfigError::Credentials { path, problem: error.to_string() })
    }
}

impl fmt::Debug for Credentials {
    /// Secrets never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// The text of a private file; `None` if there is no such file.
pub fn read_private(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file for its owner's eyes only (mode 0600), in place of what was there. Writes aside, syncs, renames,
/// syncs the folder: a crash leaves the old file or the new one.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let aside = path.with_extension("new");
    // A file left by a crash may have another mode; `mode` below only counts when the file is made.
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&aside, path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn credentials(secret_key: &str) -> Credentials {
        Credentials {
            access_key: "AKAKAKAK".into(),
            secret_key: secret_key.into(),
            email: Some("root@localhost".into()),
            password: None,
        }
    }

    #[test]
    fn what_is_written_is_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Credentials::read(folder.path()).unwrap(), None);
        for secret_key in ["plain-secret", "q\"uo'te\\", "#hash = \"x\""] {
            credentials(secret_key).write(folder.path()).unwrap();
            assert_eq!(Credentials::read(folder.path()).unwrap(), Some(credentials(secret_key)));
            let mode = std::fs::metadata(Credentials::path(folder.path())).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_by_hand_may_hold_the_keys_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(Credentials::path(folder.path()), "access_key = \"AK\"\nsecret_key = 'SK'\n").unwrap();
        let read = Credentials::read(folder.path()).unwrap().unwrap();
        assert_eq!((read.access_key.as_str(), read.secret_key.as_str(), read.email), ("AK", "SK", None));
    }

    #[test]
    fn a_broken_file_is_named_and_its_secret_is_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(Credentials::path(folder.path()), "access_key = 'AK'\nsecret_key = hush-hush\n").unwrap();
        let message = Credentials::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("root-credentials") && !message.contains("hush"), "{message}");
        assert!(!format!("{:?}", credentials("hush")).contains("hush"));
    }

    #[test]
    fn writing_needs_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(credentials("secret-key").write(&folder.path().join("absent")).is_err());
    }
}
