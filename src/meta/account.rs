//! Accounts and access keys: records and their queries.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Family, Step};
use super::record::Record;
use super::store::{Store, Tx};
use super::{Error, Result, Sealer, keys};
use crate::clock::UnixMillis;
use crate::name::AccountId;

/// Whether an account may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// May act.
    Active,
    /// The documented "inactive owner": refused with `InArrearOrInsufficientBalance`.
    Frozen,
    /// Refused with `DeregisterUserId`. Its buckets and objects stay until an administrator removes them.
    Deregistered,
}

/// An account: the owner of buckets, the holder of access keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Identity.
    pub id: AccountId,
    /// Unique name.
    pub name: String,
    /// Unique e-mail address, for signing in.
    pub email: Option<String>,
    /// Argon2id, in the PHC string format.
    pub password_hash: Option<String>,
    /// Whether it may act.
    pub status: AccountStatus,
    /// The account of the administrator; its keys open the admin API.
    pub root: bool,
    /// When it was made.
    pub created_millis: UnixMillis,
}

impl Record for Account {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "an account";
}

/// What a new account is made of.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// Unique name.
    pub name: String,
    /// Unique e-mail address.
    pub email: Option<String>,
    /// Argon2id, in the PHC string format.
    pub password_hash: Option<String>,
    /// The administrator's.
    pub root: bool,
}

/// Whether an access key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It does.
    Active,
    /// It was revoked, for good.
    Revoked,
}

/// An access key as stored: the secret is sealed.
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
}

impl Record for AccessKey {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "an access key";
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
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Store {
    /// What `access_key` opens; `None` for an unknown or revoked key. Kept in memory until an account or key changes.
    pub async fn credential(&self, access_key: &str) -> Result<Option<Arc<Credential>>> {
        let revision = self.engine().family_revision(Family::Accounts);
        if let Some(credential) = self.credentials().get(revision, access_key) {
            return Ok(Some(credential));
        }
        let found = self.read(|tx| tx.credential(access_key, self.sealer())).await?;
        let Some(credential) = found.map(Arc::new) else { return Ok(None) };
        self.credentials().insert(revision, access_key, Arc::clone(&credential));
        Ok(Some(credential))
    }
}

impl Tx<'_> {
    /// An account by id.
    pub fn account(&mut self, id: AccountId) -> Result<Option<Account>> {
        self.get_record(Family::Accounts, keys::account(id))
    }

    /// An account by name.
    pub fn account_named(&mut self, name: &str) -> Result<Option<Account>> {
        self.account_at(keys::account_name(name))
    }

    /// An account by e-mail address, in any letter case.
    pub fn account_with_email(&mut self, email: &str) -> Result<Option<Account>> {
        self.account_at(keys::account_email(email))
    }

    /// All accounts, by id.
    pub fn accounts(&mut self) -> Result<Vec<Account>> {
        self.scan_records(Family::Accounts, keys::tag_range(b'a'), |_: &Account| true)
    }

    /// Makes an account; `None` where its name or address is taken.
    pub fn create_account(&mut self, new: &NewAccount, now: UnixMillis) -> Result<Option<Account>> {
        let name_row = keys::account_name(&new.name);
        let email_row = new.email.as_deref().map(keys::account_email);
        let taken = self.get(Family::Accounts, name_row.clone())?.is_some()
            || match &email_row {
                Some(row) => self.get(Family::Accounts, row.clone())?.is_some(),
                None => false,
            };
        if taken {
            return Ok(None);
        }
        let account = Account {
            id: AccountId(rand::random()),
            name: new.name.clone(),
            email: new.email.clone(),
            password_hash: new.password_hash.clone(),
            status: AccountStatus::Active,
            root: new.root,
            created_millis: now,
        };
        // Read so that the commit relies on its absence; sixteen random bytes do not meet twice.
        self.get(Family::Accounts, keys::account(account.id))?;
        let id = Bytes::copy_from_slice(&account.id.0.to_be_bytes());
        self.put(Family::Accounts, name_row, id.clone());
        if let Some(row) = email_row {
            self.put(Family::Accounts, row, id);
        }
        self.put_account(&account)?;
        Ok(Some(account))
    }

    /// Writes a changed account; its name and address stay as they were.
    pub fn put_account(&mut self, account: &Account) -> Result<()> {
        self.put(Family::Accounts, keys::account(account.id), account.encode()?.into());
        Ok(())
    }

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

    /// Stores an access key; `None` where the id is taken.
    pub fn create_access_key(
        &mut self,
        account: AccountId,
        access_key: &str,
        secret_key: &str,
        sealer: &Sealer,
        now: UnixMillis,
    ) -> Result<Option<AccessKey>> {
        if self.access_key(access_key)?.is_some() {
            return Ok(None);
        }
        let record = AccessKey {
            access_key: access_key.to_owned(),
            account,
            sealed_secret: sealer.seal(access_key, secret_key)?,
            status: KeyStatus::Active,
            created_millis: now,
        };
        self.put_access_key(&record)?;
        Ok(Some(record))
    }

    /// Writes a changed access key.
    pub fn put_access_key(&mut self, key: &AccessKey) -> Result<()> {
        self.put(Family::Accounts, keys::access_key(&key.access_key), key.encode()?.into());
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
        Ok(Some(Credential { access_key: key.access_key, secret_key, account: Arc::new(account) }))
    }

    fn account_at(&mut self, index_row: Vec<u8>) -> Result<Option<Account>> {
        let Some(id) = self.get(Family::Accounts, index_row)? else { return Ok(None) };
        let id =
            id.as_slice().try_into().map_err(|_| Error::Corrupt("an account index row is not an id".to_owned()))?;
        self.account(AccountId(u128::from_be_bytes(id)))
    }

    fn scan_records<R: Record>(
        &mut self,
        family: Family,
        (from, to): (Vec<u8>, Vec<u8>),
        keep: impl Fn(&R) -> bool,
    ) -> Result<Vec<R>> {
        let mut found = Vec::new();
        self.scan(family, std::ops::Bound::Included(&from), Some(&to), &mut |_, value| {
            let record = R::decode(value)?;
            if keep(&record) {
                found.push(record);
            }
            Ok(Step::Next)
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, store};
    use super::*;

    #[test]
    fn stored_accounts_are_read_for_ever() {
        check_stored(
            "01ef9bafcdf8acd19181a0c8a1e58ea6dddcfd0304616e6e610110616e6e61406578616d706c652e636f6d010b246172676f6e3269\
             6424780101cae29fbde429",
            &Account {
                id: OWNER,
                name: "anna".to_owned(),
                email: Some("anna@example.com".to_owned()),
                password_hash: Some("$argon2id$x".to_owned()),
                status: AccountStatus::Frozen,
                root: true,
                created_millis: NOW,
            },
        );
    }

    #[test]
    fn stored_access_keys_are_read_for_ever() {
        check_stored(
            "0104414e4e4102040102feff01cae29fbde429",
            &AccessKey {
                access_key: "ANNA".to_owned(),
                account: AccountId(2),
                sealed_secret: vec![1, 2, 254, 255],
                status: KeyStatus::Revoked,
                created_millis: NOW,
            },
        );
    }

    async fn create(store: &Store, name: &str, email: Option<&str>) -> Option<Account> {
        let new = NewAccount { name: name.to_owned(), email: email.map(str::to_owned), ..NewAccount::default() };
        store.write(|tx| tx.create_account(&new, NOW)).await.unwrap()
    }

    async fn create_key(store: &Store, account: &Account, access_key: &str) -> Option<AccessKey> {
        let made = store.write(|tx| tx.create_access_key(account.id, access_key, "secret", store.sealer(), NOW));
        made.await.unwrap()
    }

    #[tokio::test]
    async fn names_addresses_and_keys_are_unique() {
        let store = store();
        let anna = create(&store, "anna", Some("Anna@example.com")).await.unwrap();
        assert_eq!(create(&store, "anna", None).await, None);
        assert_eq!(create(&store, "berta", Some("anna@EXAMPLE.com")).await, None);
        assert_eq!(store.read(|tx| tx.account_named("berta")).await.unwrap(), None, "a refusal leaves nothing");
        let berta = create(&store, "berta", None).await.unwrap();
        let found = store.read(|tx| tx.account_with_email("ANNA@example.com")).await.unwrap();
        assert_eq!(found.as_ref(), Some(&anna));
        let count = store.read(|tx| Ok::<_, Error>(tx.accounts()?.len())).await.unwrap();
        assert_eq!(count, 2);

        assert!(create_key(&store, &anna, "AK").await.is_some());
        assert_eq!(create_key(&store, &berta, "AK").await, None, "nobody takes over a key");
        assert!(create_key(&store, &berta, "BK").await.is_some());
        assert_eq!(store.read(|tx| tx.access_keys(Some(anna.id))).await.unwrap().len(), 1);
        assert_eq!(store.read(|tx| tx.access_keys(None)).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn credentials_are_kept_until_an_account_or_key_changes() {
        let store = store();
        assert!(store.credential("AK").await.unwrap().is_none());
        let mut anna = create(&store, "anna", None).await.unwrap();
        let mut key = create_key(&store, &anna, "AK").await.unwrap();
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
        let mut anna = create(&store, "anna", None).await.unwrap();
        create_key(&store, &anna, "AK").await.unwrap();
        let seen = store.engine().family_revision(Family::Accounts);
        let active = store.credential("AK").await.unwrap().unwrap();
        anna.status = AccountStatus::Frozen;
        store.write(|tx| tx.put_account(&anna)).await.unwrap();
        for _ in 0..2 {
            store.credentials().insert(seen, "AK", Arc::clone(&active));
            let found = store.credential("AK").await.unwrap().unwrap();
            assert_eq!(found.account.status, AccountStatus::Frozen);
        }
    }
}
