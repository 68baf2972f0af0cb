//! Access keys: permanent ones, temporary ones, and what a signature is checked against. Not here: what a key that
//! has run out, or lacks its token, is answered (`auth::temporary`), and what a narrowing policy means (`access`).

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::account::Account;
use super::engine::Family;
use super::record::Record;
use super::store::{Store, Tx};
use super::{Error, Result, Sealer, keys};
use crate::clock::UnixMillis;
use crate::name::AccountId;

/// Whether an access key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It does.
    Active,
    /// It was revoked, for good.
    Revoked,
}

/// An access key as stored: the secret is sealed, of the token there is only a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The id that requests carry.
    pub access_key: String,
    /// Whose it is.
    pub account: AccountId,
    /// The secret, encrypted under the master key.
    sealed_secret: Vec<u8>,
    /// Whether it opens anything.
    pub status: KeyStatus,
    /// When it was made.
    pub created_millis: UnixMillis,
    /// From when on it opens nothing; `None` for never.
    pub expires_millis: Option<UnixMillis>,
    /// SHA-256 of the token that requests must carry beside a temporary key's signature. The token is random enough
    /// for a plain digest to tell nothing of it.
    token_digest: Option<TokenDigest>,
    /// A policy without which nothing is allowed: what it does not allow, the key does not open.
    pub narrowing: Option<Arc<str>>,
}

type TokenDigest = [u8; 32];

impl AccessKey {
    /// Whether requests must carry a token beside the signature.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.token_digest.is_some()
    }

    /// Whether it opens nothing any more at `now`, having run out.
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_millis.is_some_and(|expires| expires <= now)
    }

    /// Whether it opens all that its account may do, for good.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        self.expires_millis.is_none() && self.token_digest.is_none() && self.narrowing.is_none()
    }
}

impl Record for AccessKey {
    const FORMAT: u8 = 2;
    const KIND: &'static str = "an access key";

    fn decode_older(format: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (format == 1).then(|| postcard::from_bytes::<AccessKeyV1>(bytes).map(Self::from))
    }
}

/// Format 1: permanent keys only.
#[derive(Deserialize)]
struct AccessKeyV1 {
    access_key: String,
    account: AccountId,
    sealed_secret: Vec<u8>,
    status: KeyStatus,
    created_millis: UnixMillis,
}

impl From<AccessKeyV1> for AccessKey {
    fn from(old: AccessKeyV1) -> Self {
        Self {
            access_key: old.access_key,
            account: old.account,
            sealed_secret: old.sealed_secret,
            status: old.status,
            created_millis: old.created_millis,
            expires_millis: None,
            token_digest: None,
            narrowing: None,
        }
    }
}

/// What a new access key is made of.
#[derive(Clone, Default)]
pub struct NewAccessKey {
    /// The id that requests will carry.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// From when on it opens nothing.
    pub expires_millis: Option<UnixMillis>,
    /// What requests must carry beside the signature.
    pub token: Option<String>,
    /// The policy that narrows it, already checked.
    pub narrowing: Option<Arc<str>>,
}

impl NewAccessKey {
    /// A key that opens all its account may do, for good.
    #[must_use]
    pub fn permanent(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into(), ..Self::default() }
    }
}

impl std::fmt::Debug for NewAccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccessKey").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// What a signature is checked against.
#[derive(Clone)]
pub struct Credential {
    /// The id that requests carry.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// Whose it is, as it stands now.
    pub account: Arc<Account>,
    /// From when on it opens nothing. A credential is kept in memory, so this is to be asked at each use.
    pub expires_millis: Option<UnixMillis>,
    /// The policy that must also allow what is asked.
    pub narrowing: Option<Arc<str>>,
    token_digest: Option<TokenDigest>,
}

impl Credential {
    /// Whether requests must carry a token beside the signature.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.token_digest.is_some()
    }

    /// Whether `token` is the one that belongs to this key; compared in constant time. No token belongs to a
    /// permanent key.
    #[must_use]
    pub fn has_token(&self, token: &str) -> bool {
        let given = digest(token);
        self.token_digest.is_some_and(|digest| digest.ct_eq(&given).into())
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

pub(super) fn parse_count(bytes: &[u8]) -> Result<u64> {
    let bytes = bytes.try_into();
    bytes.map(u64::from_be_bytes).map_err(|_| Error::Corrupt("a number of access keys is not a number".to_owned()))
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

impl Store {
    /// What `access_key` opens; `None` for an unknown or revoked key. Kept in memory until an account or key changes,
    /// so one that has run out may still be found: whoever uses it asks for the time.
    pub async fn credential(&self, access_key: &str) -> Result<Option<Arc<Credential>>> {
        let revision = self.engine().family_revision(Family::Accounts);
        if let Some(credential) = self.caches().credentials.get(revision, access_key) {
            return Ok(Some(credential));
        }
        let found = self.read(|tx| tx.credential(access_key, self.sealer())).await?;
        let Some(credential) = found.map(Arc::new) else { return Ok(None) };
        self.caches().credentials.insert(revision, access_key.to_owned(), Arc::clone(&credential));
        Ok(Some(credential))
    }
}

impl Tx<'_> {
    /// An access key, active or not.
    pub fn access_key(&mut self, access_key: &str) -> Result<Option<AccessKey>> {
        self.get_record(Family::Accounts, keys::access_key(access_key))
    }

    /// Access keys, of one account or of all.
    pub fn access_keys(&mut self, account: Option<AccountId>) -> Result<Vec<AccessKey>> {
        self.scan_records(Family::Accounts, keys::tag_range(b'k'), |key: &AccessKey| {
            account.is_none_or(|account| key.account == account)
        })
    }

    /// Temporary access keys that had run out by `before`.
    pub fn expired_temporary_keys(&mut self, before: UnixMillis) -> Result<Vec<String>> {
        let is_due = |key: &AccessKey| key.is_temporary() && key.is_expired(before);
        let due = self.scan_records(Family::Accounts, keys::tag_range(b'k'), is_due)?;
        Ok(due.into_iter().map(|key| key.access_key).collect())
    }

    /// Temporary access keys of an account, those included that have run out or were revoked and are still kept. The commit
    /// relies on it; what this transaction did is counted.
    pub fn temporary_key_count(&mut self, account: AccountId) -> Result<u64> {
        let row = keys::temporary_key_count(account);
        if let Some(count) = self.own_put(Family::Accounts, &row) {
            return parse_count(count);
        }
        if let Some(count) = self.get(Family::Accounts, row)? {
            return parse_count(&count);
        }
        // A store from before they were counted. The commit relies on there being no row, and every key that comes or
        // goes writes it.
        let is_counted = |key: &AccessKey| key.account == account && key.is_temporary();
        let kept = self.scan_records(Family::Accounts, keys::tag_range(b'k'), is_counted)?;
        Ok(kept.len() as u64)
    }

    fn put_temporary_key_count(&mut self, account: AccountId, count: u64) {
        let row = keys::temporary_key_count(account);
        self.put(Family::Accounts, row, Bytes::copy_from_slice(&count.to_be_bytes()));
    }

    /// Stores an access key; `None` where the id is taken.
    pub fn create_access_key(
        &mut self,
        account: AccountId,
        new: &NewAccessKey,
        sealer: &Sealer,
        now: UnixMillis,
    ) -> Result<Option<AccessKey>> {
        if self.access_key(&new.access_key)?.is_some() {
            return Ok(None);
        }
        let record = AccessKey {
            access_key: new.access_key.clone(),
            account,
            sealed_secret: sealer.seal(&new.access_key, &new.secret_key)?,
            status: KeyStatus::Active,
            created_millis: now,
            expires_millis: new.expires_millis,
            token_digest: new.token.as_deref().map(digest),
            narrowing: new.narrowing.clone(),
        };
        if record.is_temporary() {
            let count = self.temporary_key_count(account)? + 1;
            self.put_temporary_key_count(account, count);
        }
        self.put_access_key(&record)?;
        Ok(Some(record))
    }

    /// Writes a changed access key.
    pub fn put_access_key(&mut self, key: &AccessKey) -> Result<()> {
        self.put(Family::Accounts, keys::access_key(&key.access_key), key.encode()?.into());
        Ok(())
    }

    /// Removes an access key for good, if there is one; its id may be used again.
    pub fn delete_access_key(&mut self, access_key: &str) -> Result<()> {
        let Some(key) = self.access_key(access_key)? else { return Ok(()) };
        if key.is_temporary() {
            let count = self.temporary_key_count(key.account)?.saturating_sub(1);
            self.put_temporary_key_count(key.account, count);
        }
        self.delete(Family::Accounts, keys::access_key(access_key));
        Ok(())
    }

    fn credential(&mut self, access_key: &str, sealer: &Sealer) -> Result<Option<Credential>> {
        let Some(key) = self.access_key(access_key)?.filter(|key| key.status == KeyStatus::Active) else {
            return Ok(None);
        };
        let Some(account) = self.account(key.account)? else {
            return Err(Error::Corrupt(format!("access key {access_key} belongs to no account")));
        };
        let secret_key = sealer.open(access_key, &key.sealed_secret)?;
        Ok(Some(Credential {
            access_key: key.access_key,
            secret_key,
            account: Arc::new(account),
            expires_millis: key.expires_millis,
            narrowing: key.narrowing,
            token_digest: key.token_digest,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, store};
    use super::super::{AccountStatus, NewAccount};
    use super::*;

    fn stored_key() -> AccessKey {
        AccessKey {
            access_key: "ANNA".to_owned(),
            account: AccountId(2),
            sealed_secret: vec![1, 2, 254, 255],
            status: KeyStatus::Revoked,
            created_millis: NOW,
            expires_millis: None,
            token_digest: None,
            narrowing: None,
        }
    }

    #[test]
    fn stored_access_keys_are_read_for_ever() {
        check_stored("0104414e4e4102040102feff01cae29fbde429", &stored_key());
        check_stored(
            "0204414e4e4102040102feff01cae29fbde42901cbe29fbde42901070707070707070707070707070707070707\
             070707070707070707070707070701027b7d",
            &AccessKey {
                expires_millis: Some(NOW + 1),
                token_digest: Some([7; 32]),
                narrowing: Some("{}".into()),
                ..stored_key()
            },
        );
        check_stored("0204414e4e4102040102feff01cae29fbde429000000", &stored_key());
    }

    async fn create(store: &Store, name: &str) -> Account {
        let new = NewAccount { name: name.to_owned(), ..NewAccount::default() };
        store.write(|tx| tx.create_account(&new, NOW)).await.unwrap().unwrap()
    }

    async fn create_key(store: &Store, account: &Account, new: &NewAccessKey) -> Option<AccessKey> {
        store.write(|tx| tx.create_access_key(account.id, new, store.sealer(), NOW)).await.unwrap()
    }

    fn permanent() -> NewAccessKey {
        NewAccessKey::permanent("AK", "secret")
    }

    fn temporary(access_key: &str, expires_millis: UnixMillis) -> NewAccessKey {
        NewAccessKey {
            expires_millis: Some(expires_millis),
            token: Some("token".to_owned()),
            ..NewAccessKey::permanent(access_key, "secret")
        }
    }

    #[tokio::test]
    async fn keys_are_unique_and_have_one_account() {
        let store = store();
        let (anna, berta) = (create(&store, "anna").await, create(&store, "berta").await);
        assert!(create_key(&store, &anna, &permanent()).await.is_some());
        assert_eq!(create_key(&store, &berta, &permanent()).await, None, "nobody takes over a key");
        assert!(create_key(&store, &berta, &NewAccessKey::permanent("BK", "secret")).await.is_some());
        assert_eq!(store.read(|tx| tx.access_keys(Some(anna.id))).await.unwrap().len(), 1);
        assert_eq!(store.read(|tx| tx.access_keys(None)).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_token_belongs_to_its_key_and_is_not_stored() {
        let store = store();
        let anna = create(&store, "anna").await;
        let key = create_key(&store, &anna, &temporary("TK", NOW + 1)).await.unwrap();
        assert!(key.is_temporary() && !key.is_unbounded());
        assert!(!key.is_expired(NOW) && key.is_expired(NOW + 1));
        assert!(!key.encode().unwrap().windows(5).any(|window| window == b"token"));
        let credential = store.credential("TK").await.unwrap().unwrap();
        assert!(credential.has_token("token") && !credential.has_token("Token") && !credential.has_token(""));
        assert_eq!((credential.is_temporary(), credential.expires_millis), (true, Some(NOW + 1)));

        assert!(create_key(&store, &anna, &permanent()).await.unwrap().is_unbounded());
        let credential = store.credential("AK").await.unwrap().unwrap();
        assert!(!credential.is_temporary() && !credential.has_token("token") && !credential.has_token(""));
    }

    #[tokio::test]
    async fn only_temporary_keys_that_have_run_out_are_due() {
        let store = store();
        let anna = create(&store, "anna").await;
        for (access_key, expires) in [("EARLY", NOW), ("LATE", NOW + 1)] {
            create_key(&store, &anna, &temporary(access_key, expires)).await.unwrap();
        }
        let ordinary = NewAccessKey { expires_millis: Some(NOW), ..permanent() };
        create_key(&store, &anna, &ordinary).await.unwrap();
        assert_eq!(store.read(|tx| tx.expired_temporary_keys(NOW)).await.unwrap(), ["EARLY"]);
        store
            .write(|tx| {
                tx.delete_access_key("NONE")?;
                tx.delete_access_key("EARLY")
            })
            .await
            .unwrap();
        assert!(store.credential("EARLY").await.unwrap().is_none());
        assert_eq!(store.read(|tx| tx.access_keys(None)).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn temporary_keys_are_counted() {
        let store = store();
        let (anna, berta) = (create(&store, "anna").await, create(&store, "berta").await);
        let check = async |expected: u64| {
            for (account, expected) in [(anna.id, expected), (berta.id, 0)] {
                assert_eq!(store.read(|tx| tx.temporary_key_count(account)).await.unwrap(), expected);
            }
            assert_eq!(super::super::verify(store.engine(), &mut |_| None).unwrap().differences, []);
        };
        check(0).await;
        create_key(&store, &anna, &permanent()).await.unwrap();
        check(0).await;
        create_key(&store, &anna, &temporary("ONE", NOW)).await.unwrap();
        assert!(create_key(&store, &anna, &temporary("ONE", NOW)).await.is_none());
        check(1).await;
        let two = store.write(|tx| {
            tx.create_access_key(anna.id, &temporary("TWO", NOW), store.sealer(), NOW)?;
            tx.create_access_key(anna.id, &temporary("THREE", NOW), store.sealer(), NOW)?;
            tx.temporary_key_count(anna.id)
        });
        assert_eq!(two.await.unwrap(), 3);
        check(3).await;
        // As in a store from before they were counted.
        let forget = store.write(|tx| {
            tx.delete(Family::Accounts, keys::temporary_key_count(anna.id));
            Ok::<_, Error>(())
        });
        forget.await.unwrap();
        check(3).await;
        let gone = store.write(|tx| {
            tx.delete_access_key("ONE")?;
            tx.delete_access_key("THREE")?;
            tx.delete_access_key("AK")
        });
        gone.await.unwrap();
        check(1).await;
        let spoil = store.write(|tx| {
            tx.put_temporary_key_count(anna.id, 7);
            Ok::<_, Error>(())
        });
        spoil.await.unwrap();
        let differences = super::super::verify(store.engine(), &mut |_| None).unwrap().differences;
        assert_eq!(differences.len(), 1, "{differences:?}");
        assert_eq!(differences[0].finding, "counts 7 temporary access keys, has 1");
    }

    #[tokio::test]
    async fn credentials_are_kept_until_an_account_or_key_changes() {
        let store = store();
        assert!(store.credential("AK").await.unwrap().is_none());
        let mut anna = create(&store, "anna").await;
        let mut key = create_key(&store, &anna, &permanent()).await.unwrap();
        let first = store.credential("AK").await.unwrap().unwrap();
        assert_eq!((first.secret_key.as_str(), first.account.status), ("secret", AccountStatus::Active));
        let second = store.credential("AK").await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &second), "the second request reads nothing");

        anna.status = AccountStatus::Frozen;
        store.write(|tx| tx.put_account(&anna)).await.unwrap();
        let frozen = store.credential("AK").await.unwrap().unwrap();
        assert_eq!(frozen.account.status, AccountStatus::Frozen, "on the very next request");

        key.status = KeyStatus::Revoked;
        store.write(|tx| tx.put_access_key(&key)).await.unwrap();
        assert!(store.credential("AK").await.unwrap().is_none(), "on the very next request");
    }

    /// A request reads a credential, and the account is frozen before it puts it into the cache.
    #[tokio::test]
    async fn a_late_reader_does_not_undo_a_freeze() {
        let store = store();
        let mut anna = create(&store, "anna").await;
        create_key(&store, &anna, &permanent()).await.unwrap();
        let seen = store.engine().family_revision(Family::Accounts);
        let active = store.credential("AK").await.unwrap().unwrap();
        anna.status = AccountStatus::Frozen;
        store.write(|tx| tx.put_account(&anna)).await.unwrap();
        for _ in 0..2 {
            store.caches().credentials.insert(seen, "AK".to_owned(), Arc::clone(&active));
            let found = store.credential("AK").await.unwrap().unwrap();
            assert_eq!(found.account.status, AccountStatus::Frozen);
        }
    }
}
