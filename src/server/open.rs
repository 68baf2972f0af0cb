//! Opens the data folder, and makes one at the first start: master key, database, segments, root account.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::app::App;
use crate::auth::token::{TOKEN_KEY_BYTES, Tokens};
use crate::blob::Blobs;
use crate::blob::segment::SegmentStore;
use crate::clock::Clock;
use crate::config::{Config, Credentials, read_private, write_private};
use crate::error::{Code, Error};
use crate::meta::{MASTER_KEY_BYTES, NewAccessKey, NewAccount, RocksEngine, Sealer, Store};
use crate::secrets::{generate_access_key, generate_secret_key, hash_password};
use crate::wire::{hex, parse_hex};

/// Name of the root account.
const ROOT_NAME: &str = "root";

/// What opening gave.
#[derive(Debug)]
pub struct Opened {
    /// The open parts.
    pub app: Arc<App>,
    /// The root credentials, where the file with them is still there.
    pub credentials: Option<Credentials>,
    /// There was nothing here before.
    pub first_start: bool,
}

/// Opens `config.data`. The database refuses a second process.
pub async fn open_data_folder(config: Config) -> io::Result<Opened> {
    let data = config.data.clone();
    let in_folder = |error: io::Error| io::Error::new(error.kind(), format!("data folder {}: {error}", data.display()));
    for folder in ["meta", "segments"] {
        make_private(&data.join(folder)).map_err(in_folder)?;
    }
    let sealer = Sealer::new(&master_key(&data).map_err(in_folder)?);
    let engine = RocksEngine::open(&data.join("meta")).map_err(|error| in_folder(io::Error::other(error)))?;
    let segments = SegmentStore::open(&data.join("segments")).map_err(|error| in_folder(io::Error::other(error)))?;
    let store = Store::new(Arc::new(engine), sealer);
    let first_start = open_root(&config, &store).await?;
    let credentials = Credentials::read(&data).map_err(io::Error::other)?;
    let tokens = Tokens::new(&token_key(&data).map_err(in_folder)?);
    let app = App::with_tokens(config, store, Blobs::new(Arc::new(segments)), Clock::System, tokens).await;
    Ok(Opened { app, credentials, first_start })
}

/// Makes a folder, and those it lies in, for its owner's eyes only: object bytes are in both the database and the
/// segments. A folder that is there keeps the mode it was given.
fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Reads the master key, or makes one where there is no database yet. It lies beside the database, not in it: a copy
/// of the database alone opens no secret.
fn master_key(data: &Path) -> io::Result<[u8; MASTER_KEY_BYTES]> {
    if let Some(key) = read_key(data, "master-key")? {
        return Ok(key);
    }
    if data.join("meta").join("CURRENT").exists() {
        let problem = "the file master-key is missing beside a database whose secret keys only it opens; restore it";
        return Err(io::Error::new(io::ErrorKind::NotFound, problem));
    }
    write_key(data, "master-key", Sealer::generate_master_key())
}

/// Reads the key that signs tokens, or makes one. Where it was lost, people sign in again, and that is all.
fn token_key(data: &Path) -> io::Result<[u8; TOKEN_KEY_BYTES]> {
    match read_key(data, "token-key")? {
        Some(key) => Ok(key),
        None => write_key(data, "token-key", Tokens::generate_key()),
    }
}

fn read_key<const BYTES: usize>(data: &Path, name: &str) -> io::Result<Option<[u8; BYTES]>> {
    let Some(text) = read_private(&data.join(name))? else { return Ok(None) };
    let problem = || io::Error::other(format!("the file {name} does not hold {} hexadecimal digits", BYTES * 2));
    parse_hex(text.trim()).map(Some).ok_or_else(problem)
}

fn write_key<const BYTES: usize>(data: &Path, name: &str, key: [u8; BYTES]) -> io::Result<[u8; BYTES]> {
    write_private(&data.join(name), &hex(&key))?;
    Ok(key)
}

/// Makes the root account at the first start. True when it did.
async fn open_root(config: &Config, store: &Store) -> io::Result<bool> {
    let root = store.read(|tx| tx.account_named(ROOT_NAME)).await.map_err(io::Error::other)?;
    if let Some(root) = root {
        if let Some((access_key, _)) = config.root.key_pair() {
            let known = store.credential(access_key).await.map_err(io::Error::other)?;
            if known.is_none_or(|credential| credential.account.id != root.id) {
                tracing::warn!(
                    access_key,
                    "the configured root access key is not one of the root account's; root credentials are set at the first start only"
                );
            }
        }
        return Ok(false);
    }
    let generated = (generate_access_key(), generate_secret_key());
    let (access_key, secret_key) = config.root.key_pair().unwrap_or((generated.0.as_str(), generated.1.as_str()));
    let email = config.root.email.clone().unwrap_or_else(|| "root@localhost".to_owned());
    let password = config.root.password.clone().unwrap_or_else(|| generate_secret_key()[..20].to_owned());
    let hash = hash_password(&password).map_err(io::Error::other)?;
    let credentials = Credentials {
        access_key: access_key.to_owned(),
        secret_key: secret_key.to_owned(),
        email: Some(email.clone()),
        password: Some(password),
    };
    // The file first: an account whose secret nobody can find would lock its owner out.
    credentials.write(&config.data).map_err(io::Error::other)?;
    let new = NewAccount { name: ROOT_NAME.to_owned(), email: Some(email), password_hash: Some(hash), root: true };
    let now = Clock::System.now_millis();
    let key = NewAccessKey::permanent(access_key, secret_key);
    let made = store.write(|tx| {
        let account = tx.create_account(&new, now)?.ok_or(Code::AccountAlreadyExists)?;
        let key = tx.create_access_key(account.id, &key, store.sealer(), now)?;
        key.ok_or(Code::AccessKeyAlreadyExists)?;
        Ok::<_, Error>(())
    });
    made.await.map_err(io::Error::other)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "looks at what was made")]
    async fn what_the_first_start_makes_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let opened = open_data_folder(Config { data: data.clone(), ..Config::for_testing() }).await.unwrap();
        assert!(opened.first_start);
        let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(["", "meta", "segments"].map(mode), [0o700; 3]);
        assert_eq!(["master-key", "token-key", "root-credentials"].map(mode), [0o600; 3]);
    }
}
