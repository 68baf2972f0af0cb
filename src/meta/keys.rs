//! Layout of keys, pure. Every layout keeps the order of what it encodes: scans depend on it. `docs/storage.md`
//! lists the rows of each family.

use super::engine::{COUNTER_KEY_BYTES, CounterKey};
use super::{BlobId, BucketId, UploadId};
use crate::name::{AccountId, BucketName};

/// `Accounts`: an account by its id.
pub(super) fn account(id: AccountId) -> Vec<u8> {
    tagged(b'a', &id.0.to_be_bytes())
}

/// `Accounts`: the id of an account, by name.
pub(super) fn account_name(name: &str) -> Vec<u8> {
    tagged(b'n', name.as_bytes())
}

/// `Accounts`: the id of an account, by lower-case e-mail address.
pub(super) fn account_email(email: &str) -> Vec<u8> {
    tagged(b'e', email.to_ascii_lowercase().as_bytes())
}

/// `Accounts`: an access key.
pub(super) fn access_key(access_key: &str) -> Vec<u8> {
    tagged(b'k', access_key.as_bytes())
}

/// `Accounts`: how many temporary access keys an account has.
pub(super) fn temporary_key_count(account: AccountId) -> Vec<u8> {
    tagged(b'c', &account.0.to_be_bytes())
}

/// The account of a row made by [`temporary_key_count`].
pub(super) fn account_of_temporary_key_count(row: &[u8]) -> Option<AccountId> {
    let id = row.strip_prefix(b"c")?.try_into().ok()?;
    Some(AccountId(u128::from_be_bytes(id)))
}

/// `Accounts`: a sign-in whose refresh tokens are refused.
pub(super) fn signed_out(root: u128) -> Vec<u8> {
    tagged(b's', &root.to_be_bytes())
}

/// `Accounts`: when the row of a sign-in that was signed out has done its work.
pub(super) fn signed_out_until(millis: u64, root: u128) -> Vec<u8> {
    let mut key = tagged(b't', &millis.to_be_bytes());
    key.extend_from_slice(&root.to_be_bytes());
    key
}

/// Time and sign-in of a row made by [`signed_out_until`].
pub(super) fn parts_of_signed_out_until(row: &[u8]) -> Option<(u64, u128)> {
    let (millis, root) = row.strip_prefix(b"t")?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*millis), u128::from_be_bytes(root.try_into().ok()?)))
}

/// `Accounts`: the rows that start with `tag`, as a half-open range.
pub(super) fn tag_range(tag: u8) -> (Vec<u8>, Vec<u8>) {
    (vec![tag], vec![tag + 1])
}

/// `Buckets`: a bucket by name.
pub(super) fn bucket(name: &BucketName) -> Vec<u8> {
    tagged(b'b', name.as_str().as_bytes())
}

/// `Buckets`: the name of a bucket, by id; also what keeps ids unique.
pub(super) fn bucket_id(id: BucketId) -> Vec<u8> {
    tagged(b'i', &id.0.to_be_bytes())
}

/// `Buckets`: one bucket of an account.
pub(super) fn owned_bucket(owner: AccountId, name: &str) -> Vec<u8> {
    let mut key = owned_buckets(owner);
    key.extend_from_slice(name.as_bytes());
    key
}

/// `Buckets`: what the keys of an account's buckets start with.
pub(super) fn owned_buckets(owner: AccountId) -> Vec<u8> {
    tagged(b'o', &owner.0.to_be_bytes())
}

/// `Buckets`: how many buckets an account has.
pub(super) fn bucket_count(owner: AccountId) -> Vec<u8> {
    tagged(b'c', &owner.0.to_be_bytes())
}

/// `Buckets`: a setting of a bucket, by the setting's number.
pub(super) fn setting(bucket: BucketId, number: u8) -> Vec<u8> {
    let mut key = tagged(b's', &bucket.0.to_be_bytes());
    key.push(number);
    key
}

/// `Counters`: a bucket's.
pub(super) fn bucket_counter(id: BucketId) -> CounterKey {
    let mut key = [0; COUNTER_KEY_BYTES];
    key[0] = b'b';
    key[1..9].copy_from_slice(&id.0.to_be_bytes());
    key
}

/// `Counters`: an account's.
pub(super) fn account_counter(id: AccountId) -> CounterKey {
    let mut key = [0; COUNTER_KEY_BYTES];
    key[0] = b'a';
    key[1..].copy_from_slice(&id.0.to_be_bytes());
    key
}

/// Identity in a counter's key: an account's, or a bucket's and zeros.
pub(super) fn holder_of_counter(key: &CounterKey) -> [u8; COUNTER_KEY_BYTES - 1] {
    let [_, identity @ ..] = *key;
    identity
}

/// The bucket whose counter `key` would be.
pub(super) fn bucket_of_counter(key: &CounterKey) -> Option<BucketId> {
    let id = BucketId(u64::from_be_bytes(*key[1..].first_chunk()?));
    (bucket_counter(id) == *key).then_some(id)
}

/// The account whose counter `key` would be.
pub(super) fn account_of_counter(key: &CounterKey) -> Option<AccountId> {
    let id = AccountId(u128::from_be_bytes(*key[1..].first_chunk()?));
    (account_counter(id) == *key).then_some(id)
}

/// `Objects`: the current object of a key.
pub(super) fn object(bucket: BucketId, key: &str) -> Vec<u8> {
    let mut row = Vec::with_capacity(8 + key.len());
    row.extend_from_slice(&bucket.0.to_be_bytes());
    row.extend_from_slice(key.as_bytes());
    row
}

/// `Objects`: end of a bucket's rows; `None` for the last possible bucket.
pub(super) fn objects_end(bucket: BucketId) -> Option<Vec<u8>> {
    bucket.0.checked_add(1).map(|next| next.to_be_bytes().to_vec())
}

/// The object key in a row of `Objects`.
pub(super) fn key_of_object(row: &[u8]) -> Option<(BucketId, &str)> {
    let (bucket, key) = row.split_first_chunk::<8>()?;
    Some((BucketId(u64::from_be_bytes(*bucket)), std::str::from_utf8(key).ok()?))
}

/// `Versions`: what the rows of a key's versions start with. The key is ended by `00 01` and its own zeros are written
/// `00 FF`, so that rows sort by key and no key's rows lie among another's.
pub(super) fn versions_of(bucket: BucketId, key: &str) -> Vec<u8> {
    let mut row = versions_from(bucket, key);
    row.extend_from_slice(&[0, 1]);
    row
}

/// `Versions`: what the rows of all keys that start with `prefix` start with.
pub(super) fn versions_from(bucket: BucketId, prefix: &str) -> Vec<u8> {
    escaped(b'v', bucket, prefix)
}

/// `Versions`: one version that is not the current object; the newest of a key comes first.
pub(super) fn version(bucket: BucketId, key: &str, order: u64) -> Vec<u8> {
    let mut row = versions_of(bucket, key);
    row.extend_from_slice(&(!order).to_be_bytes());
    row
}

/// Bucket, key and order of a row made by [`version`].
pub(super) fn parts_of_version(row: &[u8]) -> Option<(BucketId, String, u64)> {
    let (bucket, rest) = row.strip_prefix(b"v")?.split_first_chunk::<8>()?;
    let (key, order) = rest.split_last_chunk::<8>()?;
    let key = unescaped(key.strip_suffix(&[0, 1])?)?;
    Some((BucketId(u64::from_be_bytes(*bucket)), key, !u64::from_be_bytes(*order)))
}

/// `Versions`: end of a bucket's rows.
pub(super) fn versions_end(bucket: BucketId) -> Vec<u8> {
    match bucket.0.checked_add(1) {
        Some(next) => tagged(b'v', &next.to_be_bytes()),
        None => vec![b'v' + 1],
    }
}

/// `Versions`: the order of a key's `null` version where it is not the current object.
pub(super) fn null_version(bucket: BucketId, key: &str) -> Vec<u8> {
    let mut row = tagged(b'n', &bucket.0.to_be_bytes());
    row.extend_from_slice(key.as_bytes());
    row
}

/// `Uploads`: what the rows of all uploads to keys that start with `prefix` start with.
pub(super) fn uploads_from(bucket: BucketId, prefix: &str) -> Vec<u8> {
    escaped(b'u', bucket, prefix)
}

/// `Uploads`: what the rows of the uploads to one key start with. Keys are escaped as those of versions are.
pub(super) fn uploads_of(bucket: BucketId, key: &str) -> Vec<u8> {
    let mut row = uploads_from(bucket, key);
    row.extend_from_slice(&[0, 1]);
    row
}

/// `Uploads`: an unfinished upload; those of a key by age.
pub(super) fn upload(bucket: BucketId, key: &str, id: UploadId) -> Vec<u8> {
    let mut row = uploads_of(bucket, key);
    row.extend_from_slice(&id.0.to_be_bytes());
    row
}

/// Bucket, key and id of a row made by [`upload`].
pub(super) fn parts_of_upload(row: &[u8]) -> Option<(BucketId, String, UploadId)> {
    let (bucket, rest) = row.strip_prefix(b"u")?.split_first_chunk::<8>()?;
    let (key, id) = rest.split_last_chunk::<16>()?;
    let key = unescaped(key.strip_suffix(&[0, 1])?)?;
    Some((BucketId(u64::from_be_bytes(*bucket)), key, UploadId(u128::from_be_bytes(*id))))
}

/// `Uploads`: end of the rows of one bucket that start with `tag`.
pub(super) fn uploads_end(tag: u8, bucket: BucketId) -> Vec<u8> {
    match bucket.0.checked_add(1) {
        Some(next) => tagged(tag, &next.to_be_bytes()),
        None => vec![tag + 1],
    }
}

/// `Uploads`: what the rows of an upload's parts start with.
pub(super) fn parts(bucket: BucketId, id: UploadId) -> Vec<u8> {
    let mut row = tagged(b'p', &bucket.0.to_be_bytes());
    row.extend_from_slice(&id.0.to_be_bytes());
    row
}

/// `Uploads`: a part, by its number.
pub(super) fn part(bucket: BucketId, id: UploadId, number: u16) -> Vec<u8> {
    let mut row = parts(bucket, id);
    row.extend_from_slice(&number.to_be_bytes());
    row
}

/// Bucket, upload and number of a row made by [`part`].
pub(super) fn parts_of_part(row: &[u8]) -> Option<(BucketId, UploadId, u16)> {
    let (bucket, rest) = row.strip_prefix(b"p")?.split_first_chunk::<8>()?;
    let (id, number) = rest.split_first_chunk::<16>()?;
    let number = u16::from_be_bytes(number.try_into().ok()?);
    Some((BucketId(u64::from_be_bytes(*bucket)), UploadId(u128::from_be_bytes(*id)), number))
}

/// `Uploads`: the key of an upload that has parts, written anew with each of them.
pub(super) fn part_token(bucket: BucketId, id: UploadId) -> Vec<u8> {
    let mut row = tagged(b't', &bucket.0.to_be_bytes());
    row.extend_from_slice(&id.0.to_be_bytes());
    row
}

/// Bucket and upload of a row made by [`part_token`].
pub(super) fn parts_of_part_token(row: &[u8]) -> Option<(BucketId, UploadId)> {
    let (bucket, id) = row.strip_prefix(b"t")?.split_first_chunk::<8>()?;
    Some((BucketId(u64::from_be_bytes(*bucket)), UploadId(u128::from_be_bytes(id.try_into().ok()?))))
}

/// `References`: how many records name a blob; no row for one.
pub(super) fn references(blob: BlobId) -> Vec<u8> {
    blob.0.to_be_bytes().to_vec()
}

fn escaped(tag: u8, bucket: BucketId, text: &str) -> Vec<u8> {
    // Room for the end of the key and an identity, so that nothing grows later.
    let mut row = Vec::with_capacity(1 + 8 + text.len() + 2 + 16);
    row.push(tag);
    row.extend_from_slice(&bucket.0.to_be_bytes());
    extend_escaped(&mut row, text);
    row
}

fn extend_escaped(row: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        row.push(byte);
        if byte == 0 {
            row.push(0xff);
        }
    }
}

fn unescaped(escaped: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(byte) = bytes.next() {
        text.push(*byte);
        if *byte == 0 && bytes.next() != Some(&0xff) {
            return None;
        }
    }
    String::from_utf8(text).ok()
}

/// `Bodies`: a small body, or the manifest of a large one.
pub(super) fn body(blob: BlobId) -> Vec<u8> {
    blob.0.to_be_bytes().to_vec()
}

/// `Bodies`: what the list of a composed body does not tell of the parts it was made of.
pub(super) fn part_list(blob: BlobId) -> Vec<u8> {
    [&blob.0.to_be_bytes()[..], b"p"].concat()
}

/// The blob of such a row; `None` of any other.
pub(super) fn blob_of_part_list(row: &[u8]) -> Option<BlobId> {
    let blob = row.strip_suffix(b"p")?;
    blob.try_into().ok().map(u128::from_be_bytes).map(BlobId)
}

/// `Extents`: a live extent.
pub(super) fn extent(segment: u64, offset: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(16);
    key.extend_from_slice(&segment.to_be_bytes());
    key.extend_from_slice(&offset.to_be_bytes());
    key
}

/// Segment and offset of a row of `Extents`.
pub(super) fn place_of_extent(row: &[u8]) -> Option<(u64, u64)> {
    let (segment, offset) = row.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*segment), u64::from_be_bytes(offset.try_into().ok()?)))
}

/// `Sweep`: something that was let go at `millis`. The number keeps apart what was let go in one millisecond.
pub(super) fn sweep(millis: u64, number: u128) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.extend_from_slice(&millis.to_be_bytes());
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// When the thing of a row of `Sweep` was let go.
pub(super) fn time_of_sweep(row: &[u8]) -> Option<u64> {
    let (millis, number) = row.split_first_chunk::<8>()?;
    (number.len() == 16).then(|| u64::from_be_bytes(*millis))
}

/// `Events`: an event by its number.
pub(super) fn event(number: u64) -> Vec<u8> {
    tagged(b'e', &number.to_be_bytes())
}

/// Number of a row of events.
pub(super) fn number_of_event(row: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(row.strip_prefix(b"e")?.try_into().ok()?))
}

/// `Events`: number of the newest event.
pub(super) const EVENT_NEWEST: &[u8] = b"n";

/// `Events`: number of the last event the webhook took.
pub(super) const WEBHOOK_POSITION: &[u8] = b"w";

/// `Events`: the soft limits a counter has reached; no row where there is none.
pub(super) fn levels(counter: &CounterKey) -> Vec<u8> {
    tagged(b'r', counter)
}

/// `History`: a sample. The newest of a counter comes first.
pub(super) fn sample(counter: &CounterKey, minute: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(COUNTER_KEY_BYTES + 8);
    key.extend_from_slice(counter);
    key.extend_from_slice(&(u64::MAX - minute).to_be_bytes());
    key
}

/// Counter and minute of a row of `History`.
pub(super) fn parts_of_sample(row: &[u8]) -> Option<(CounterKey, u64)> {
    let (counter, minute) = row.split_first_chunk::<COUNTER_KEY_BYTES>()?;
    Some((*counter, u64::MAX - u64::from_be_bytes(minute.try_into().ok()?)))
}

/// `Expiries`: a version that goes at `millis`.
pub(super) fn expiry(millis: u64, bucket: BucketId, order: u64, key: &str) -> Vec<u8> {
    let mut row = Vec::with_capacity(24 + key.len());
    row.extend_from_slice(&millis.to_be_bytes());
    row.extend_from_slice(&bucket.0.to_be_bytes());
    row.extend_from_slice(&order.to_be_bytes());
    row.extend_from_slice(key.as_bytes());
    row
}

/// `Expiries`: end of the rows of what goes at `now` or earlier.
pub(super) fn expiries_end(now: u64) -> Option<Vec<u8>> {
    now.checked_add(1).map(|next| next.to_be_bytes().to_vec())
}

/// Time, bucket, order and key of a row made by [`expiry`].
pub(super) fn parts_of_expiry(row: &[u8]) -> Option<(u64, BucketId, u64, &str)> {
    let (millis, rest) = row.split_first_chunk::<8>()?;
    let (bucket, rest) = rest.split_first_chunk::<8>()?;
    let (order, key) = rest.split_first_chunk::<8>()?;
    let key = std::str::from_utf8(key).ok()?;
    Some((u64::from_be_bytes(*millis), BucketId(u64::from_be_bytes(*bucket)), u64::from_be_bytes(*order), key))
}

/// The smallest key above every key that starts with `prefix`; `None` when there is none (all `0xff`).
pub(super) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end)
}

fn tagged(tag: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(tag);
    key.extend_from_slice(rest);
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn object_rows_sort_by_bucket_then_key(a: (u64, String), b: (u64, String)) {
            let rows = object(BucketId(a.0), &a.1).cmp(&object(BucketId(b.0), &b.1));
            prop_assert_eq!(rows, (a.0, a.1.as_bytes()).cmp(&(b.0, b.1.as_bytes())));
        }

        #[test]
        fn object_rows_read_back(bucket: u64, key: String) {
            let row = object(BucketId(bucket), &key);
            prop_assert_eq!(key_of_object(&row), Some((BucketId(bucket), key.as_str())));
        }

        #[test]
        fn versions_sort_by_bucket_then_key_then_newest(a: (u64, String, u64), b: (u64, String, u64)) {
            let rows = version(BucketId(a.0), &a.1, a.2).cmp(&version(BucketId(b.0), &b.1, b.2));
            prop_assert_eq!(rows, (a.0, a.1.as_bytes(), !a.2).cmp(&(b.0, b.1.as_bytes(), !b.2)));
            let row = version(BucketId(a.0), &a.1, a.2);
            prop_assert!(row < versions_end(BucketId(a.0)) && row.starts_with(&versions_of(BucketId(a.0), &a.1)));
            prop_assert_eq!(parts_of_version(&row), Some((BucketId(a.0), a.1, a.2)));
        }

        #[test]
        fn versions_of_close_keys_stay_apart(a in "[a\0]{0,4}", b in "[a\0]{0,4}", order: u64) {
            let (left, right) = (version(BucketId(1), &a, order), version(BucketId(1), &b, order));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(left.starts_with(&versions_from(BucketId(1), &b)), a.starts_with(&b));
        }

        #[test]
        fn uploads_sort_by_bucket_then_key_then_age(a: (u64, String, u128), b: (u64, String, u128)) {
            let row = |of: &(u64, String, u128)| upload(BucketId(of.0), &of.1, UploadId(of.2));
            prop_assert_eq!(row(&a).cmp(&row(&b)), (a.0, a.1.as_bytes(), a.2).cmp(&(b.0, b.1.as_bytes(), b.2)));
            prop_assert!(row(&a) < uploads_end(b'u', BucketId(a.0)));
            prop_assert!(row(&a).starts_with(&uploads_of(BucketId(a.0), &a.1)));
            prop_assert_eq!(parts_of_upload(&row(&a)), Some((BucketId(a.0), a.1, UploadId(a.2))));
        }

        #[test]
        fn parts_sort_by_upload_then_number(a: (u64, u128, u16), b: (u64, u128, u16)) {
            let row = |of: (u64, u128, u16)| part(BucketId(of.0), UploadId(of.1), of.2);
            prop_assert_eq!(row(a).cmp(&row(b)), a.cmp(&b));
            prop_assert_eq!(parts_of_part(&row(a)), Some((BucketId(a.0), UploadId(a.1), a.2)));
            let token = part_token(BucketId(a.0), UploadId(a.1));
            prop_assert_eq!(parts_of_part_token(&token), Some((BucketId(a.0), UploadId(a.1))));
        }

        #[test]
        fn counters_read_back(bucket: u64, account: u128, other: CounterKey) {
            let (bucket, account) = (BucketId(bucket), AccountId(account));
            prop_assert_eq!(bucket_of_counter(&bucket_counter(bucket)), Some(bucket));
            prop_assert_eq!(account_of_counter(&bucket_counter(bucket)), None);
            prop_assert_eq!(account_of_counter(&account_counter(account)), Some(account));
            prop_assert_eq!(bucket_of_counter(&account_counter(account)), None);
            prop_assert!(bucket_of_counter(&other).is_none_or(|id| bucket_counter(id) == other));
        }

        #[test]
        fn extents_sort_by_place_and_read_back(a: (u64, u64), b: (u64, u64)) {
            prop_assert_eq!(extent(a.0, a.1).cmp(&extent(b.0, b.1)), a.cmp(&b));
            prop_assert_eq!(place_of_extent(&extent(a.0, a.1)), Some(a));
        }

        #[test]
        fn expiries_sort_by_time_and_read_back(a: (u64, u64, u64, String), b: (u64, u64, u64, String), now: u64) {
            let row = |of: &(u64, u64, u64, String)| expiry(of.0, BucketId(of.1), of.2, &of.3);
            prop_assert_eq!(row(&a).cmp(&row(&b)), a.cmp(&b));
            let encoded = row(&a);
            prop_assert_eq!(parts_of_expiry(&encoded), Some((a.0, BucketId(a.1), a.2, a.3.as_str())));
            prop_assert_eq!(expiries_end(now).is_none_or(|end| encoded < end), a.0 <= now);
        }

        #[test]
        fn samples_sort_newest_first_and_read_back(a: u64, b: u64, counter: [u8; COUNTER_KEY_BYTES]) {
            prop_assert_eq!(sample(&counter, a).cmp(&sample(&counter, b)), b.cmp(&a));
            prop_assert_eq!(parts_of_sample(&sample(&counter, a)), Some((counter, a)));
            prop_assert_eq!(number_of_event(&event(a)), Some(a));
        }

        #[test]
        fn ends_of_sign_outs_sort_by_time_and_read_back(a: (u64, u128), b: (u64, u128)) {
            prop_assert_eq!(signed_out_until(a.0, a.1).cmp(&signed_out_until(b.0, b.1)), a.cmp(&b));
            prop_assert_eq!(parts_of_signed_out_until(&signed_out_until(a.0, a.1)), Some(a));
        }

        #[test]
        fn a_prefix_ends_right_above_its_keys(prefix: Vec<u8>, rest: Vec<u8>, other: Vec<u8>) {
            let mut inside = prefix.clone();
            inside.extend_from_slice(&rest);
            if let Some(end) = prefix_end(&prefix) {
                prop_assert!(inside < end);
                prop_assert_eq!(other >= prefix && other < end, other.starts_with(&prefix));
            }
        }
    }
}
