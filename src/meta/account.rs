//! Accounts: records and their queries. What opens them is in `access_key`.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Family, Step};
use super::record::Record;
use super::store::Tx;
use super::{Error, Result, keys};
use crate::clock::UnixMillis;
use crate::level::Percents;
use crate::limits::QUOTA_BYTES_MAX;
use crate::name::AccountId;
use crate::quota::Limits;

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
    /// Base capacity in bytes; 0 is no limit, whatever packs there are.
    pub capacity_bytes: u64,
    /// Objects it may have, versions included; 0 is no limit.
    pub object_limit: u64,
    /// Storage packs, by id, also those that have run out.
    pub packs: Vec<Pack>,
    /// Id of the next pack.
    pub next_pack: u64,
    /// Percents of its limits whose crossing is an event.
    pub soft_percents: Percents,
}

/// Bytes on top of an account's base capacity, for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Identity within the account.
    pub id: u64,
    /// What it adds, in bytes.
    pub bytes: u64,
    /// From when on.
    pub starts_millis: UnixMillis,
    /// Until when, exclusive; `None` for good.
    pub expires_millis: Option<UnixMillis>,
}

impl Pack {
    /// Whether it counts at `now`.
    #[must_use]
    pub fn is_valid(&self, now: UnixMillis) -> bool {
        self.starts_millis <= now && self.expires_millis.is_none_or(|expires| now < expires)
    }
}

/// How much an account may hold at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Base capacity in bytes; 0 is no limit.
    pub base_bytes: u64,
    /// Bytes of the packs valid at that moment, at most 2^63 − 1.
    pub packs_bytes: u64,
    /// The next moment at which a pack begins or runs out.
    pub changes_millis: Option<UnixMillis>,
}

impl Account {
    /// What the account may hold at `now`.
    #[must_use]
    pub fn capacity(&self, now: UnixMillis) -> Capacity {
        let valid = self.packs.iter().filter(|pack| pack.is_valid(now));
        let packs_bytes = valid.fold(0, |sum: u64, pack| sum.saturating_add(pack.bytes)).min(QUOTA_BYTES_MAX);
        let edges = self.packs.iter().flat_map(|pack| [Some(pack.starts_millis), pack.expires_millis]);
        let changes_millis = edges.flatten().filter(|edge| *edge > now).min();
        Capacity { base_bytes: self.capacity_bytes, packs_bytes, changes_millis }
    }

    /// What a commit that stores bytes for this account at `now` is tested against.
    #[must_use]
    pub fn limits(&self, now: UnixMillis) -> Limits {
        let capacity = self.capacity(now);
        let bytes = match capacity.base_bytes {
            0 => 0,
            base => base.saturating_add(capacity.packs_bytes).min(QUOTA_BYTES_MAX),
        };
        Limits { bytes, objects: self.object_limit }
    }
}

impl Record for Account {
    const FORMAT: u8 = 2;
    const KIND: &'static str = "an account";

    fn decode_older(format: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (format == 1).then(|| postcard::from_bytes::<AccountV1>(bytes).map(Self::from))
    }
}

/// Format 1: without limits.
#[derive(Deserialize)]
struct AccountV1 {
    id: AccountId,
    name: String,
    email: Option<String>,
    password_hash: Option<String>,
    status: AccountStatus,
    root: bool,
    created_millis: UnixMillis,
}

impl From<AccountV1> for Account {
    fn from(old: AccountV1) -> Self {
        Self {
            id: old.id,
            name: old.name,
            email: old.email,
            password_hash: old.password_hash,
            status: old.status,
            root: old.root,
            created_millis: old.created_millis,
            capacity_bytes: 0,
            object_limit: 0,
            soft_percents: Percents::default(),
            packs: Vec::new(),
            next_pack: 1,
        }
    }
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

impl Tx<'_> {
    /// An account by id.
    pub fn account(&mut self, id: AccountId) -> Result<Option<Account>> {
        self.get_record(Family::Accounts, keys::account(id))
    }

    /// An account that exists, from memory where it has not changed since it was read. The commit relies on it.
    pub fn owner(&mut self, id: AccountId) -> Result<Arc<Account>> {
        let cached = self.caches().map(|(revision, caches)| (revision, caches.accounts.get(revision, &id)));
        if let Some((_, Some(account))) = cached {
            self.rely_on(Family::Accounts, keys::account(id));
            return Ok(account);
        }
        let account = self.account(id)?.map(Arc::new);
        let account = account.ok_or_else(|| Error::Corrupt(format!("there is no account {id}")))?;
        if let Some((revision, caches)) = self.caches() {
            let revision = cached.map_or(revision, |(before, _)| before);
            caches.accounts.insert(revision, id, Arc::clone(&account));
        }
        Ok(account)
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
            capacity_bytes: 0,
            object_limit: 0,
            soft_percents: Percents::default(),
            packs: Vec::new(),
            next_pack: 1,
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

    /// Writes a changed account; its name and address stay as they were. What it holds is compared with its soft
    /// limits, for they may be what has changed.
    pub fn put_account(&mut self, account: &Account) -> Result<()> {
        self.compare_account(account);
        self.put(Family::Accounts, keys::account(account.id), account.encode()?.into());
        Ok(())
    }

    fn account_at(&mut self, index_row: Vec<u8>) -> Result<Option<Account>> {
        let Some(id) = self.get(Family::Accounts, index_row)? else { return Ok(None) };
        let id =
            id.as_slice().try_into().map_err(|_| Error::Corrupt("an account index row is not an id".to_owned()))?;
        self.account(AccountId(u128::from_be_bytes(id)))
    }

    /// The records of a family in `from..to` that are to be kept.
    pub(super) fn scan_records<R: Record>(
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
    use super::super::Store;
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, account, bucket, inline, key, put, store};
    use super::*;

    fn stored_account() -> Account {
        Account {
            email: Some("anna@example.com".to_owned()),
            password_hash: Some("$argon2id$x".to_owned()),
            status: AccountStatus::Frozen,
            root: true,
            ..account()
        }
    }

    fn packs() -> Vec<Pack> {
        vec![
            Pack { id: 1, bytes: 10, starts_millis: 0, expires_millis: Some(6000) },
            Pack { id: 2, bytes: 300, starts_millis: 20, expires_millis: Some(15) },
        ]
    }

    #[test]
    fn capacity_is_what_is_valid_at_the_moment() {
        let pack = |id, bytes, starts_millis, expires_millis| Pack { id, bytes, starts_millis, expires_millis };
        let packs = vec![pack(1, 10, 100, Some(200)), pack(2, 5, 150, None), pack(3, 1, 300, Some(400))];
        let account = Account { capacity_bytes: 1000, packs, ..account() };
        let at = |now| {
            let capacity = account.capacity(now);
            (capacity.packs_bytes, capacity.changes_millis, account.limits(now).bytes)
        };
        assert_eq!(at(99), (0, Some(100), 1000));
        assert_eq!(at(100), (10, Some(150), 1010));
        assert_eq!(at(150), (15, Some(200), 1015));
        assert_eq!(at(199), (15, Some(200), 1015));
        assert_eq!(at(200), (5, Some(300), 1005));
        assert_eq!(at(399), (6, Some(400), 1006));
        assert_eq!(at(400), (5, None, 1005));
        let unlimited = Account { capacity_bytes: 0, ..account };
        assert_eq!(unlimited.limits(150).bytes, 0, "packs limit nothing");
        let packs = vec![pack(1, QUOTA_BYTES_MAX, 0, None), pack(2, QUOTA_BYTES_MAX, 0, None), pack(3, 2, 0, None)];
        let largest = Account { capacity_bytes: 1, packs, ..unlimited };
        assert_eq!(largest.capacity(0).packs_bytes, QUOTA_BYTES_MAX, "sums stay within signed integers");
        assert_eq!(largest.limits(0).bytes, QUOTA_BYTES_MAX);
    }

    /// The pack runs out between the closure and the commit: the closure runs again, on the smaller limit.
    #[tokio::test]
    async fn a_pack_that_runs_out_refuses_growth_from_that_instant() {
        let clock = crate::clock::Clock::manual(NOW);
        let store = store().with_clock(clock.clone());
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let pack = Pack { id: 1, bytes: 10, starts_millis: 0, expires_millis: Some(NOW + 5) };
        let account = Account { capacity_bytes: 10, packs: vec![pack], ..account() };
        store.write(|tx| tx.put_account(&account)).await.unwrap();
        put(&store, &bucket, "a", &inline(15)).await.unwrap();
        let (object, stored) = inline(5);
        let mut runs = 0;
        let write = store.write(|tx| {
            runs += 1;
            let slot = tx.slot(&bucket, &key("b"))?;
            tx.put_object(slot, &object, &stored)?;
            clock.set(NOW + 5);
            Ok::<_, Error>(())
        });
        let refused = write.await;
        assert!(matches!(refused, Err(Error::Over(over)) if over.limit == 10 && over.used == 15), "{refused:?}");
        assert_eq!(runs, 2);
        assert_eq!(store.read(|tx| tx.account_usage(OWNER)).await.unwrap().used_bytes(), 15, "nothing is deleted");
        let smaller = put(&store, &bucket, "a", &inline(12)).await;
        smaller.unwrap();
    }

    #[test]
    fn stored_accounts_are_read_for_ever() {
        check_stored(
            "02ef9bafcdf8acd19181a0c8a1e58ea6dddcfd0304616e6e610110616e6e61406578616d706c652e636f6d010b246172676f6e3269\
             6424780101cae29fbde42980200502010a0001f02e02ac0214010f0302325a",
            &Account {
                capacity_bytes: 4096,
                object_limit: 5,
                packs: packs(),
                next_pack: 3,
                soft_percents: Percents::parse(vec![50, 90]).unwrap(),
                ..stored_account()
            },
        );
        let format_1 = "01ef9bafcdf8acd19181a0c8a1e58ea6dddcfd0304616e6e610110616e6e61406578616d706c652e636f6d010b24617267\
                        6f6e32696424780101cae29fbde429";
        check_stored(format_1, &stored_account());
    }

    async fn create(store: &Store, name: &str, email: Option<&str>) -> Option<Account> {
        let new = NewAccount { name: name.to_owned(), email: email.map(str::to_owned), ..NewAccount::default() };
        store.write(|tx| tx.create_account(&new, NOW)).await.unwrap()
    }

    #[tokio::test]
    async fn names_addresses_and_keys_are_unique() {
        let store = store();
        let anna = create(&store, "anna", Some("Anna@example.com")).await.unwrap();
        assert_eq!(create(&store, "anna", None).await, None);
        assert_eq!(create(&store, "berta", Some("anna@EXAMPLE.com")).await, None);
        assert_eq!(store.read(|tx| tx.account_named("berta")).await.unwrap(), None, "a refusal leaves nothing");
        create(&store, "berta", None).await.unwrap();
        let found = store.read(|tx| tx.account_with_email("ANNA@example.com")).await.unwrap();
        assert_eq!(found.as_ref(), Some(&anna));
        let count = store.read(|tx| Ok::<_, Error>(tx.accounts()?.len())).await.unwrap();
        assert_eq!(count, 2);
    }
}
