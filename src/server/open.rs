//! Opens the data folder, and makes one at the first start: master key, database, segments, root account.

#![expect(clippy::disallowed_methods, reason = "makes the data folder")]

use std::io;
use std::path::Path;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use rand::RngExt as _;

use crate::app::App;
use crate::auth::token::{TOKEN_KEY_BYTES, Tokens};
use crate::blob::Blobs;
use crate::blob::segment::SegmentStore;
use crate::clock::Clock;
use crate::config::{Config, Credentials, read_private, write_private};
use crate::error::{Code, Error};
use crate::meta::{MASTER_KEY_BYTES, NewAccount, RocksEngine, Sealer, Store};
use crate::wire::hex;

/// Name of the root account.
const ROOT_NAME: &str = "root";
/// Bytes of each key in the data folder.
const KEY_BYTES: usize = 32;
const _: () = assert!(KEY_BYTES == MASTER_KEY_BYTES && KEY_BYTES == TOKEN_KEY_BYTES);

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
    std::fs::create_dir_all(data.join("segments")).map_err(in_folder)?;
    let engine = RocksEngine::open(&data.join("meta")).map_err(|error| in_folder(io::Error::other(error)))?;
    let segments = SegmentStore::open(&data.join("segments")).map_err(|error| in_folder(io::Error::other(error)))?;
    let store = Store::new(
        Arc::new(engine),
        Sealer::new(&key(&data, "master-key", Sealer::generate_master_key).map_err(in_folder)?),
    );
    let first_start = open_root(&config, &store).await?;
    let credentials = Credentials::read(&data).map_err(io::Error::other)?;
    let tokens = Tokens::new(&key(&data, "token-key", Tokens::generate_key).map_err(in_folder)?);
    let app = App::with_tokens(config, store, Blobs::new(Arc::new(segments)), Clock::System, tokens).await;
    Ok(Opened { app, credentials, first_start })
}

/// Reads the key in the file `name`, or makes one. Keys lie beside the database, not in it: a copy of the database
/// alone opens no secret and signs no token.
fn key(data: &Path, name: &str, generate: fn() -> [u8; KEY_BYTES]) -> io::Result<[u8; KEY_BYTES]> {
    let path = data.join(name);
    if let Some(text) = read_private(&path)? {
        let text = text.trim();
        let bytes: Option<Vec<u8>> = (0..text.len() / 2)
            .map(|index| text.get(index * 2..index * 2 + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()))
            .collect();
        let key = bytes.filter(|_| text.len() == KEY_BYTES * 2).and_then(|bytes| bytes.try_into().ok());
        return key.ok_or_else(|| io::Error::other(format!("the file {name} does not hold 64 hexadecimal digits")));
    }
    let key = generate();
    write_private(&path, &hex(&key))?;
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
    let made = store.write(|tx| {
        let account = tx.create_account(&new, now)?.ok_or(Code::AccountAlreadyExists)?;
        let key = tx.create_access_key(account.id, access_key, secret_key, store.sealer(), now)?;
        key.ok_or(Code::AccessKeyAlreadyExists)?;
        Ok::<_, Error>(())
    });
    made.await.map_err(io::Error::other)?;
    Ok(true)
}

/// A new access key: 20 upper-case letters and digits, as OBS's own are.
#[must_use]
pub(crate) fn generate_access_key() -> String {
    random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 20)
}

/// A new secret key: 40 letters and digits.
#[must_use]
pub(crate) fn generate_secret_key() -> String {
    random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 40)
}

fn random_text(alphabet: &[u8], length: usize) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect()
}

/// The argon2id hash of a password, in the PHC string format.
pub(crate) fn hash_password(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}
