//! Unfinished multipart uploads: their records, their parts, and how they end. Parts of one upload never conflict with
//! each other; completing or aborting it conflicts with every part that comes meanwhile, so none slips by.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::body::{Body, Piece, Stored};
use super::bucket::Bucket;
use super::engine::{Family, Step};
use super::object::Object;
use super::part::Part;
use super::part_list::done_parts;
use super::record::Record;
use super::slot::Slot;
use super::store::Tx;
use super::version::{Kept, Version, VersionId};
use super::{BlobId, BucketId, Result, keys};
use crate::attributes::Attributes;
use crate::checksum::ChecksumAlgorithm;
use crate::clock::UnixMillis;
use crate::headers::ObjectHeaders;
use crate::limits;
use crate::name::{AccountId, ObjectKey};
use crate::quota::{Change, Held};
use crate::storage_class::StorageClass;

/// Identity of an upload: 8 bytes of time in microseconds, 8 random. On the wire 32 upper-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UploadId(pub u128);

impl UploadId {
    /// A new identity; those minted later are larger.
    #[must_use]
    pub fn mint(now: UnixMillis) -> Self {
        Self(BlobId::mint(now).0)
    }

    /// Reads an id; `None` for what no upload was ever called.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        u128::from_str_radix(is_id.then_some(text)?, 16).ok().map(Self)
    }

    /// When it was minted, in microseconds.
    fn minted_micros(self) -> u64 {
        u64::try_from(self.0 >> 64).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032X}", self.0)
    }
}

/// An unfinished upload: what the object it becomes is made of, beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// When it was begun.
    pub initiated_millis: UnixMillis,
    /// Who began it; [`AccountId::NOBODY`] without a signature.
    pub initiator: AccountId,
    /// Whose the object will be.
    pub owner: AccountId,
    /// What is returned with the object.
    pub headers: ObjectHeaders,
    /// How the object is kept.
    pub storage_class: StorageClass,
    /// The rarer things a client may set.
    pub attributes: Option<Box<Attributes>>,
    /// Begun in the words of S3, whose rules then hold for it to its end.
    pub is_s3: bool,
    /// The checksum asked for, and whether it is one of the parts' checksums.
    pub checksum: Option<(ChecksumAlgorithm, bool)>,
}

impl Record for Upload {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "an upload";
}

/// An unfinished upload within one transaction, which relies on its being unfinished.
#[derive(Debug)]
pub struct OpenUpload {
    bucket: BucketId,
    key: ObjectKey,
    id: UploadId,
    upload: Upload,
}

impl OpenUpload {
    /// Its record.
    #[must_use]
    pub fn upload(&self) -> &Upload {
        &self.upload
    }

    /// The key it is to.
    pub(super) fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// What the rows of its parts start with.
    pub(super) fn part_rows(&self) -> Vec<u8> {
        keys::parts(self.bucket, self.id)
    }

    /// The row of a part.
    pub(super) fn part_row(&self, number: u16) -> Vec<u8> {
        keys::part(self.bucket, self.id, number)
    }

    fn row(&self) -> Vec<u8> {
        keys::upload(self.bucket, self.key.as_str(), self.id)
    }

    /// The row that is written with every part.
    pub(super) fn token_row(&self) -> Vec<u8> {
        keys::part_token(self.bucket, self.id)
    }
}

impl Tx<'_> {
    /// Begins an upload. `bucket` is its record as this transaction read it, `id` freshly minted.
    pub fn begin_upload(&mut self, bucket: &Bucket, key: &ObjectKey, id: UploadId, upload: &Upload) -> Result<()> {
        self.charge_change(bucket, Change::default().comes(Held::Upload))?;
        self.put(Family::Uploads, keys::upload(bucket.id, key.as_str(), id), upload.encode()?.into());
        Ok(())
    }

    /// An unfinished upload; `None` where there is none of that id to that key.
    pub fn open_upload(&mut self, bucket: BucketId, key: &ObjectKey, id: UploadId) -> Result<Option<OpenUpload>> {
        let upload: Option<Upload> = self.get_record(Family::Uploads, keys::upload(bucket, key.as_str(), id))?;
        Ok(upload.map(|upload| OpenUpload { bucket, key: key.clone(), id, upload }))
    }

    /// Ends an upload with an object, as the newest version of its key. `parts` are all it has, `chosen` those whose
    /// `pieces` the object is made of, in order; the others are let go. Size and place of the object's bytes are given
    /// here, and no byte is copied.
    pub fn complete_upload(
        &mut self,
        slot: Slot<'_>,
        open: &OpenUpload,
        parts: &BTreeMap<u16, Part>,
        (chosen, pieces): (&[u16], Vec<Piece>),
        object: &Object,
    ) -> Result<Version> {
        let mut change = Change::default().gone(Held::Upload);
        for (number, part) in parts {
            change = change.gone(Held::Part(part.size));
            self.delete(Family::Uploads, open.part_row(*number));
            let is_chosen = chosen.binary_search(number).is_ok();
            match part.body {
                _ if !is_chosen => self.release(part.blob, part.body, object.modified_millis)?,
                // Its pieces have moved to the object's list, each with its reference. Nobody else has this list.
                Body::Pieces => self.delete(Family::Bodies, keys::body(part.blob)),
                // An empty body is no piece.
                Body::Inline | Body::Segments if part.size == 0 => {
                    self.release(part.blob, part.body, object.modified_millis)?;
                }
                Body::Inline | Body::Segments => {}
            }
        }
        self.forget_upload(open);
        let size = pieces.iter().map(|piece| piece.length).sum();
        let stored = if pieces.is_empty() { Stored::Inline(Bytes::new()) } else { Stored::Pieces(pieces) };
        let object = Object { size, body: stored.body(), ..object.clone() };
        self.put_body(object.blob, &stored)?;
        if object.body == Body::Pieces {
            self.put_parts(object.blob, done_parts(&object, parts, chosen))?;
        }
        self.place_for(slot, &object, change)
    }

    /// Ends an upload with nothing: all its parts are let go. `bucket` is its record as this transaction read it.
    pub fn abort_upload(&mut self, bucket: &Bucket, open: &OpenUpload, now: UnixMillis) -> Result<()> {
        let mut change = Change::default().gone(Held::Upload);
        for (number, part) in self.all_parts(open)? {
            change = change.gone(Held::Part(part.size));
            self.delete(Family::Uploads, open.part_row(number));
            self.release(part.blob, part.body, now)?;
        }
        self.forget_upload(open);
        self.charge_change(bucket, change)
    }

    fn forget_upload(&mut self, open: &OpenUpload) {
        self.delete(Family::Uploads, open.token_row());
        self.delete(Family::Uploads, open.row());
    }

    /// The object that an upload was completed with, while it is there: the current one of its key, or one of the newest
    /// `limits::COMPLETED_SEARCH_COUNT_MAX` older versions that are not older than the upload.
    pub fn completed(&mut self, bucket: BucketId, key: &ObjectKey, id: UploadId) -> Result<Option<Object>> {
        let is_it = |object: &Object| {
            let upload = object.state.as_ref().and_then(|state| state.upload);
            upload.is_some_and(|upload| upload.id == id.0)
        };
        if let Some(object) = self.object(bucket, key)?.filter(is_it) {
            return Ok(Some(object));
        }
        // Its order may be from a time before the bucket had versions.
        if let Some(Kept::Object(object)) = self.kept(bucket, key, VersionId::Null)?
            && is_it(&object)
        {
            return Ok(Some(*object));
        }
        let prefix = keys::versions_of(bucket, key.as_str());
        let (mut found, mut left) = (None, limits::COMPLETED_SEARCH_COUNT_MAX);
        self.scan(
            Family::Versions,
            Bound::Included(&prefix),
            keys::prefix_end(&prefix).as_deref(),
            &mut |_, value| {
                let kept = Kept::decode(value)?;
                let is_too_old = kept.version().order < id.minted_micros();
                if let Kept::Object(object) = kept
                    && is_it(&object)
                {
                    found = Some(*object);
                }
                left -= 1;
                Ok(if found.is_some() || is_too_old || left == 0 { Step::Stop } else { Step::Next })
            },
        )?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, begin, bucket, inline, key, part, put, put_part, store, sweep, upload};
    use super::super::{Error, ObjectState, Store, Versioning, verify};
    use super::*;
    use crate::quota::Usage;

    /// The object an upload becomes.
    fn whole(id: UploadId) -> Object {
        let state = ObjectState {
            upload: Some(super::super::CompletedUpload { id: id.0, part_count: 1 }),
            ..ObjectState::default()
        };
        Object { state: state.boxed(), ..inline(0).0 }
    }

    /// False where the upload has ended, or has none of the parts.
    async fn complete(store: &Store, bucket: &Bucket, to: (&str, UploadId), chosen: &[u16]) -> Result<bool> {
        let object = whole(to.1);
        let write = store.write(|tx| {
            let Some(open) = tx.open_upload(bucket.id, &key(to.0), to.1)? else { return Ok(false) };
            let parts = tx.all_parts(&open)?;
            let chosen: Vec<u16> = chosen.iter().copied().filter(|number| parts.contains_key(number)).collect();
            let Some(pieces) = tx.composed(&parts, &chosen)? else { return Ok(false) };
            let slot = tx.slot(bucket, &key(to.0))?;
            tx.complete_upload(slot, &open, &parts, (&chosen, pieces), &object).map(|_| !chosen.is_empty())
        });
        write.await
    }

    async fn abort(store: &Store, bucket: &Bucket, to: (&str, UploadId)) -> Result<bool> {
        let write = store.write(|tx| {
            let Some(open) = tx.open_upload(bucket.id, &key(to.0), to.1)? else { return Ok(false) };
            tx.abort_upload(bucket, &open, NOW).map(|()| true)
        });
        write.await
    }

    async fn usage(store: &Store, bucket: &Bucket) -> Usage {
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap()
    }

    #[test]
    fn stored_uploads_are_read_for_ever() {
        let full = Upload {
            attributes: Attributes { redirect: Some("/r".to_owned()), ..Attributes::default() }.boxed(),
            storage_class: StorageClass::Warm,
            owner: AccountId(3),
            initiator: AccountId(2),
            is_s3: true,
            checksum: Some((ChecksumAlgorithm::Crc32, true)),
            ..upload()
        };
        check_stored(
            "01cae29fbde4290203000000000000000101000001022f720000000101000 1".replace(' ', "").as_str(),
            &full,
        );
    }

    #[test]
    fn ids_are_32_upper_case_digits_and_grow() {
        let id = UploadId(0x0005_1964_BFE0_1234_FFFD_2873_9D41_9DA0);
        assert_eq!(id.to_string(), "00051964BFE01234FFFD28739D419DA0");
        assert_eq!(UploadId::parse(&id.to_string()), Some(id));
        for bad in ["", "0", "null", "00051964bfe01234FFFD28739D419DA0", "+0051964BFE01234FFFD28739D419DA0"] {
            assert_eq!(UploadId::parse(bad), None, "{bad}");
        }
        assert!(UploadId::mint(NOW) < UploadId::mint(NOW + 1));
        assert_eq!(UploadId::mint(NOW).minted_micros(), NOW * 1000);
    }

    #[tokio::test]
    async fn a_full_bucket_takes_no_part_and_completes_all_the_same() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 2000).await;
        let to = ("k", begin(&store, &bucket, "k").await);
        assert!(put_part(&store, &bucket, to, 1, 1500).await.unwrap());
        assert!(put_part(&store, &bucket, to, 3, 500).await.unwrap());
        let over = put_part(&store, &bucket, to, 4, 1).await;
        assert!(matches!(over, Err(Error::Over(over)) if over.used == 2000));
        let held = usage(&store, &bucket).await;
        assert_eq!((held.part_bytes, held.parts, held.uploads, held.used_objects()), (2000, 2, 1, 0));
        // In place of another of its number there is room.
        assert!(put_part(&store, &bucket, to, 3, 400).await.unwrap());
        assert!(complete(&store, &bucket, to, &[1, 3]).await.unwrap());
        let held = usage(&store, &bucket).await;
        assert_eq!(held, Usage { current_bytes: 1900, current_objects: 1, ..Usage::default() });
    }

    #[tokio::test]
    async fn a_bucket_with_an_upload_is_not_empty() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let to = ("k", begin(&store, &bucket, "k").await);
        assert!(matches!(store.write(|tx| tx.delete_bucket(&bucket)).await, Err(Error::NotEmpty)));
        assert!(abort(&store, &bucket, to).await.unwrap());
        store.write(|tx| tx.delete_bucket(&bucket)).await.unwrap();
        assert!(usage(&store, &bucket).await.is_empty());
    }

    /// A part arrives between the reads of an end and its commit.
    #[tokio::test]
    async fn no_part_slips_by_an_end() {
        for is_completed in [true, false] {
            let store = store();
            let bucket = bucket(&store, OWNER, "photos", 0).await;
            let to = ("k", begin(&store, &bucket, "k").await);
            assert!(put_part(&store, &bucket, to, 1, 5).await.unwrap());
            let (object, mut runs) = (whole(to.1), 0);
            let write = store.write(|tx| {
                runs += 1;
                let open = tx.open_upload(bucket.id, &key("k"), to.1)?.expect("it has not ended");
                let parts = tx.all_parts(&open)?;
                if runs == 1 {
                    let late = put_part(&store, &bucket, to, 2, 7).now_or_never();
                    assert!(late.expect("the engine in memory never waits")?);
                }
                if !is_completed {
                    return tx.abort_upload(&bucket, &open, NOW);
                }
                let pieces = tx.composed(&parts, &[1])?.expect("one piece");
                let slot = tx.slot(&bucket, &key("k"))?;
                tx.complete_upload(slot, &open, &parts, (&[1], pieces), &object).map(drop)
            });
            write.await.unwrap();
            assert_eq!(runs, 2);
            let left = usage(&store, &bucket).await;
            assert_eq!((left.parts, left.uploads, left.used_bytes()), (0, 0, if is_completed { 5 } else { 0 }));
            assert!(!put_part(&store, &bucket, to, 3, 1).await.unwrap(), "there is no upload any more");
        }
    }

    /// Parts copied of an object, of ranges of it, and twice; then the source goes.
    #[tokio::test]
    async fn copied_parts_share_their_bytes() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (source, body) = part(3000);
        let source = Object { blob: source.blob, body: source.body, size: 3000, ..inline(0).0 };
        put(&store, &bucket, "source", &(source.clone(), body)).await.unwrap();
        let to = ("k", begin(&store, &bucket, "k").await);
        for (number, from, until) in [(1, 0, 3000), (2, 100, 200), (3, 2999, 3000), (2, 50, 60)] {
            let (copied, _) = part(0);
            let copied = Part { size: until - from, body: Body::Pieces, ..copied };
            let write = store.write(|tx| {
                let open = tx.open_upload(bucket.id, &key("k"), to.1)?.expect("it has not ended");
                let pieces = tx.pieces_of(source.blob, source.body, source.size)?;
                let pieces = super::super::slice_pieces(&pieces, from, until);
                tx.put_copied_part(&bucket, &open, number, &copied, pieces)
            });
            write.await.unwrap();
        }
        assert_eq!(usage(&store, &bucket).await.part_bytes, 3011);
        sweep(&store).await;
        assert_eq!(store.read(|tx| tx.references(source.blob)).await.unwrap(), 4);
        assert!(complete(&store, &bucket, to, &[2, 3]).await.unwrap());
        put(&store, &bucket, "source", &inline(0)).await.unwrap();
        assert_eq!(usage(&store, &bucket).await.used_bytes(), 11);
        sweep(&store).await;
        assert_eq!(usage(&store, &bucket).await.used_bytes(), 11);
        assert_eq!(store.read(|tx| tx.references(source.blob)).await.unwrap(), 2, "those of the object's two pieces");
        put(&store, &bucket, "k", &inline(0)).await.unwrap();
        sweep(&store).await;
        assert!(store.read(|tx| tx.stored_at(source.blob, source.body)).await.unwrap().is_none());
        assert_eq!(usage(&store, &bucket).await.used_bytes(), 0);
    }

    #[tokio::test]
    async fn too_many_pieces_are_not_composed() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let to = ("k", begin(&store, &bucket, "k").await);
        let zeros =
            vec![Piece { length: 1, part: 0, source: super::super::body::Source::Zeros }; limits::PIECE_COUNT_MAX];
        let (copied, _) = part(0);
        let copied = Part { size: zeros.len() as u64, body: Body::Pieces, ..copied };
        let write = store.write(|tx| {
            let open = tx.open_upload(bucket.id, &key("k"), to.1)?.expect("it has not ended");
            tx.put_copied_part(&bucket, &open, 1, &copied, zeros.clone())
        });
        write.await.unwrap();
        put_part(&store, &bucket, to, 2, 1).await.unwrap();
        assert!(!complete(&store, &bucket, to, &[1, 2]).await.unwrap());
        assert!(complete(&store, &bucket, to, &[1]).await.unwrap());
        assert_eq!(usage(&store, &bucket).await.used_bytes(), i64::try_from(limits::PIECE_COUNT_MAX).unwrap());
    }

    /// The completed object is found while it is there, current or not.
    #[tokio::test]
    async fn a_completed_upload_is_known_by_its_object() {
        for versioning in [Versioning::Off, Versioning::Enabled, Versioning::Suspended] {
            let store = store();
            let made = bucket(&store, OWNER, "photos", 0).await;
            let bucket = Bucket { versioning, ..made };
            store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
            put(&store, &bucket, "k", &inline(1)).await.unwrap();
            let to = ("k", begin(&store, &bucket, "k").await);
            put_part(&store, &bucket, to, 1, 5).await.unwrap();
            let found = async |id| {
                let found = store.read(|tx| tx.completed(bucket.id, &key("k"), id)).await.unwrap();
                found.map(|object| object.size)
            };
            assert_eq!(found(to.1).await, None);
            assert!(complete(&store, &bucket, to, &[1]).await.unwrap());
            assert_eq!(found(to.1).await, Some(5));
            assert_eq!(found(UploadId(to.1.0 + 1)).await, None);
            put(&store, &bucket, "k", &inline(2)).await.unwrap();
            let is_kept = versioning == Versioning::Enabled;
            assert_eq!(found(to.1).await, is_kept.then_some(5), "{versioning:?}");
        }
    }

    #[derive(Clone, Debug)]
    enum Action {
        Begin { key: usize },
        Part { nth: usize, number: u16, size: u64 },
        Complete { nth: usize, chosen: Vec<u16> },
        Abort { nth: usize },
        Put { key: usize, size: u64 },
        Delete { key: usize },
        Sweep,
    }

    const KEYS: [&str; 2] = ["k", "k\0/"];

    fn action() -> impl Strategy<Value = Action> {
        let size = prop_oneof![Just(0_u64), 1..9_u64, 1001..1009_u64];
        let chosen = proptest::sample::subsequence(vec![1_u16, 2, 3], 1..=3);
        prop_oneof![
            2 => (0..KEYS.len()).prop_map(|key| Action::Begin { key }),
            6 => (0..3_usize, 1..4_u16, size.clone()).prop_map(|(nth, number, size)| Action::Part { nth, number, size }),
            2 => (0..3_usize, chosen).prop_map(|(nth, chosen)| Action::Complete { nth, chosen }),
            1 => (0..3_usize).prop_map(|nth| Action::Abort { nth }),
            1 => (0..KEYS.len(), size).prop_map(|(key, size)| Action::Put { key, size }),
            1 => (0..KEYS.len()).prop_map(|key| Action::Delete { key }),
            1 => Just(Action::Sweep),
        ]
    }

    /// What must be there, kept in the plainest way.
    #[derive(Default)]
    struct Model {
        uploads: Vec<(usize, UploadId, BTreeMap<u16, u64>)>,
        objects: BTreeMap<usize, u64>,
    }

    async fn act(store: &Store, bucket: &Bucket, model: &mut Model, action: Action) {
        match action {
            Action::Begin { key: at } => {
                let id = begin(store, bucket, KEYS[at]).await;
                model.uploads.push((at, id, BTreeMap::new()));
            }
            Action::Part { nth, number, size } => {
                let Some((at, id, parts)) = model.uploads.get_mut(nth) else { return };
                assert!(put_part(store, bucket, (KEYS[*at], *id), number, size).await.unwrap());
                parts.insert(number, size);
            }
            Action::Complete { nth, chosen } => {
                if nth >= model.uploads.len() {
                    return;
                }
                let (at, id, parts) = model.uploads.remove(nth);
                let sizes = chosen.iter().filter_map(|number| parts.get(number));
                let is_something = complete(store, bucket, (KEYS[at], id), &chosen).await.unwrap();
                assert_eq!(is_something, sizes.clone().count() > 0);
                model.objects.insert(at, sizes.sum());
                assert!(!complete(store, bucket, (KEYS[at], id), &chosen).await.unwrap());
            }
            Action::Abort { nth } => {
                if nth >= model.uploads.len() {
                    return;
                }
                let (at, id, _) = model.uploads.remove(nth);
                assert!(abort(store, bucket, (KEYS[at], id)).await.unwrap());
            }
            Action::Put { key: at, size } => {
                put(store, bucket, KEYS[at], &inline(size)).await.unwrap();
                model.objects.insert(at, size);
            }
            Action::Delete { key: at } => {
                let deleted = store.write(|tx| {
                    let slot = tx.slot(bucket, &key(KEYS[at]))?;
                    tx.delete_object(slot, OWNER, NOW)
                });
                deleted.await.unwrap();
                model.objects.remove(&at);
            }
            Action::Sweep => sweep(store).await,
        }
    }

    impl Model {
        fn usage(&self) -> Usage {
            let sizes = || self.uploads.iter().flat_map(|(_, _, parts)| parts.values());
            Usage {
                current_bytes: self.objects.values().sum::<u64>().cast_signed(),
                current_objects: self.objects.len().try_into().unwrap(),
                part_bytes: sizes().sum::<u64>().cast_signed(),
                parts: sizes().count().try_into().unwrap(),
                uploads: self.uploads.len().try_into().unwrap(),
                ..Usage::default()
            }
        }
    }

    proptest! {
        #[test]
        fn uploads_and_counters_follow_a_plain_model(actions in proptest::collection::vec(action(), 1..40)) {
            let run = async {
                let store = store();
                let bucket = bucket(&store, OWNER, "photos", 0).await;
                let mut model = Model::default();
                for action in actions {
                    act(&store, &bucket, &mut model, action).await;
                    assert_eq!(usage(&store, &bucket).await, model.usage());
                    for (at, id, parts) in &model.uploads {
                        let open = store.read(|tx| tx.open_upload(bucket.id, &key(KEYS[*at]), *id)).await.unwrap();
                        let found = store.read(|tx| tx.all_parts(open.as_ref().expect("it has not ended"))).await.unwrap();
                        assert_eq!(found.into_iter().map(|(number, part)| (number, part.size)).collect::<BTreeMap<_, _>>(), *parts);
                    }
                }
            };
            run.now_or_never().expect("the engine in memory never waits");
        }
    }

    /// Sixteen tasks store parts while others complete and abort: what is left is right, whoever came first.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn parts_and_ends_race() {
        let store = Arc::new(store());
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        for round in 0..20_u64 {
            let to = ("k", begin(&store, &bucket, "k").await);
            let mut tasks = tokio::task::JoinSet::new();
            for number in 1..=16_u16 {
                let (store, bucket) = (Arc::clone(&store), bucket.clone());
                tasks.spawn(async move {
                    put_part(&store, &bucket, to, number, 10 + round).await.unwrap();
                    match number {
                        5 => complete(&store, &bucket, to, &[1, 2, 3, 5]).await.unwrap(),
                        9 => abort(&store, &bucket, to).await.unwrap(),
                        _ => false,
                    }
                });
            }
            let ended = tasks.join_all().await;
            assert_eq!(ended.iter().filter(|ended| **ended).count(), 1, "one end and one only");
            let left = usage(&store, &bucket).await;
            assert_eq!((left.parts, left.part_bytes, left.uploads), (0, 0, 0));
        }
    }
}
