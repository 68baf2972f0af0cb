//! The parts that a completed upload was made of: their numbers, lengths and checksums. Mostly the pieces of the body tell
//! them; what those do not tell lies in a row beside the list of pieces, so that who reads the bytes need not read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::body::{Body, Piece, damaged};
use super::engine::Family;
use super::object::Object;
use super::part::Part;
use super::record::Record;
use super::store::Tx;
use super::{BlobId, Result, keys};

/// A part of an object that an upload made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DonePart {
    /// Its number.
    pub number: u16,
    /// Its length in bytes.
    pub length: u64,
    /// Its checksum by the algorithm of the object's; empty where there is none.
    pub digest: Vec<u8>,
}

/// What lies beside a list of pieces, as long as that is what the upload made it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartList(pub(super) Vec<DonePart>);

impl Record for PartList {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a list of parts";
}

impl Tx<'_> {
    /// The parts of an object that an upload made, by number; `None` for any other object. To be read from the state
    /// the record was read from: the list goes when the object changes in place.
    pub fn parts_of(&mut self, object: &Object) -> Result<Option<Vec<DonePart>>> {
        if object.state.as_ref().is_none_or(|state| state.upload.is_none()) {
            return Ok(None);
        }
        // Without a byte in any part there is no list.
        if object.body != Body::Pieces {
            return Ok(Some(vec![DonePart { number: 1, length: object.size, digest: Vec::new() }]));
        }
        if let Some(PartList(parts)) = self.get_record(Family::Bodies, keys::part_list(object.blob))? {
            return Ok(Some(parts));
        }
        let parts = parts_in(&self.pieces_of(object.blob, object.body, object.size)?);
        if parts.iter().any(|part| part.number == 0) { Err(damaged("a list of parts")) } else { Ok(Some(parts)) }
    }

    /// Keeps what the pieces of a body do not tell of its parts, if anything.
    pub(super) fn put_parts(&mut self, blob: BlobId, parts: Vec<DonePart>) -> Result<()> {
        if parts.iter().any(|part| part.length == 0 || !part.digest.is_empty()) {
            self.put(Family::Bodies, keys::part_list(blob), PartList(parts).encode()?.into());
        }
        Ok(())
    }

    /// Forgets the parts of a body that goes, or changes.
    pub(super) fn forget_parts(&mut self, blob: BlobId) {
        self.delete(Family::Bodies, keys::part_list(blob));
    }
}

/// The parts that an object is made of, with their checksums where those are of the object's kind.
pub(super) fn done_parts(object: &Object, parts: &BTreeMap<u16, Part>, chosen: &[u16]) -> Vec<DonePart> {
    let algorithm = object.state.as_ref().and_then(|state| state.checksum.as_ref()).map(|checksum| checksum.algorithm);
    let chosen = chosen.iter().filter_map(|number| parts.get_key_value(number));
    let done = chosen.map(|(number, part)| {
        let checksum = part.checksum.as_ref().filter(|checksum| Some(checksum.algorithm) == algorithm);
        let digest = checksum.map(|checksum| checksum.digest.clone()).unwrap_or_default();
        DonePart { number: *number, length: part.size, digest }
    });
    done.collect()
}

/// The parts that pieces were uploaded with.
fn parts_in(pieces: &[Piece]) -> Vec<DonePart> {
    let mut parts: Vec<DonePart> = Vec::new();
    for piece in pieces {
        match parts.last_mut() {
            Some(last) if last.number == piece.part => last.length += piece.length,
            _ => parts.push(DonePart { number: piece.part, length: piece.length, digest: Vec::new() }),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::super::body::Source;
    use super::super::engine::{Step, Tier};
    use super::super::record::tests::check_stored;
    use super::super::testing::{OWNER, begin, bucket, inline, key, part, put, store, sweep};
    use super::super::{Bucket, CompletedUpload, Object, ObjectState, Part, Store, verify};
    use super::*;
    use crate::checksum::{Checksum, ChecksumAlgorithm};

    #[test]
    fn stored_lists_of_parts_are_read_for_ever() {
        let part = |number, length, digest: &[u8]| DonePart { number, length, digest: digest.to_vec() };
        check_stored("010201ac020401020304030000", &PartList(vec![part(1, 300, &[1, 2, 3, 4]), part(3, 0, &[])]));
    }

    #[test]
    fn pieces_tell_their_parts() {
        let piece = |part, length| Piece { length, part, source: Source::Zeros };
        let parts = parts_in(&[piece(1, 10), piece(1, 5), piece(4, 7)]);
        let parts: Vec<_> = parts.into_iter().map(|part| (part.number, part.length)).collect();
        assert_eq!(parts, [(1, 15), (4, 7)]);
    }

    /// Completes an upload of parts of these lengths, whose checksums are their numbers.
    async fn complete(store: &Store, bucket: &Bucket, lengths: &[u64], has_checksums: bool) -> Object {
        let checksum = |number: u16| {
            let digest = number.to_be_bytes().to_vec();
            Some(Checksum::of_bytes(ChecksumAlgorithm::Crc32, digest)).filter(|_| has_checksums)
        };
        let id = begin(store, bucket, "k").await;
        for (number, length) in (1..).zip(lengths) {
            let (part, stored) = part(*length);
            let part = Part { checksum: checksum(number), ..part };
            let written = store.write(|tx| {
                let open = tx.open_upload(bucket.id, &key("k"), id)?.expect("it was begun");
                tx.put_part(bucket, &open, number, &part, &stored)
            });
            written.await.unwrap();
        }
        let upload = Some(CompletedUpload { id: id.0, part_count: 0 });
        let state = ObjectState { upload, checksum: checksum(0), ..ObjectState::default() };
        let object = Object { blob: BlobId(rand::random()), state: state.boxed(), ..inline(0).0 };
        let completed = store.write(|tx| {
            let open = tx.open_upload(bucket.id, &key("k"), id)?.expect("it was begun");
            let parts = tx.all_parts(&open)?;
            let chosen: Vec<u16> = parts.keys().copied().collect();
            let pieces = tx.composed(&parts, &chosen)?.expect("they are few");
            let slot = tx.slot(bucket, &key("k"))?;
            tx.complete_upload(slot, &open, &parts, (&chosen, pieces), &object)
        });
        completed.await.unwrap();
        current(store, bucket, "k").await
    }

    async fn current(store: &Store, bucket: &Bucket, called: &str) -> Object {
        store.read(|tx| tx.object(bucket.id, &key(called))).await.unwrap().expect("it is there")
    }

    /// Rows of lists of parts, after everything was held against everything.
    fn row_count(store: &Store) -> usize {
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        let mut count = 0;
        let mut visit = |row: &[u8], _: &[u8]| {
            count += usize::from(keys::blob_of_part_list(row).is_some());
            Ok(Step::Next)
        };
        store.engine().snapshot().scan(Family::Bodies, Bound::Unbounded, None, Tier::Disk, &mut visit).unwrap();
        count
    }

    #[tokio::test]
    async fn what_the_pieces_do_not_tell_has_a_row() {
        for (lengths, has_checksums, rows) in [
            (&[2000, 300][..], false, 0),
            (&[2000, 300], true, 1),
            (&[2000, 0], false, 1),
            // No byte, no list.
            (&[0], true, 0),
        ] {
            let store = store();
            let bucket = bucket(&store, OWNER, "photos", 0).await;
            let object = complete(&store, &bucket, lengths, has_checksums).await;
            let parts = store.read(|tx| tx.parts_of(&object)).await.unwrap().expect("an upload made it");
            assert_eq!(parts.iter().map(|part| part.length).collect::<Vec<_>>(), lengths);
            for (number, part) in (1_u16..).zip(&parts) {
                let has_digest = has_checksums && object.size > 0;
                let digest = if has_digest { number.to_be_bytes().to_vec() } else { Vec::new() };
                assert_eq!((part.number, &part.digest), (number, &digest));
            }
            assert_eq!(row_count(&store), rows, "{lengths:?}");
            put(&store, &bucket, "k", &inline(1)).await.unwrap();
            sweep(&store).await;
            assert_eq!(row_count(&store), 0, "{lengths:?}");
        }
    }

    #[tokio::test]
    async fn a_row_that_is_wrong_is_found() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let object = complete(&store, &bucket, &[2000, 300], true).await;
        let differences = async |blob, parts: Vec<DonePart>| {
            store.write(|tx| tx.put_parts(blob, parts.clone())).await.unwrap();
            let found = verify(store.engine(), &mut |_| None).unwrap().differences;
            found.into_iter().map(|difference| difference.finding).collect::<Vec<_>>()
        };
        let part = |length| DonePart { number: 1, length, digest: vec![1] };
        assert_eq!(differences(object.blob, vec![part(2300)]).await, [""; 0]);
        let shorter = differences(object.blob, vec![part(2299)]).await;
        assert_eq!(shorter, ["has 2300 bytes, its parts have 2299"]);
        differences(object.blob, vec![part(2300)]).await;
        assert_eq!(differences(BlobId(7), vec![part(0)]).await, ["belongs to no composed body"]);
    }

    #[tokio::test]
    async fn a_row_goes_when_the_object_changes_in_place_and_stays_for_a_copy() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let object = complete(&store, &bucket, &[2000, 300], true).await;
        let copy = Object { state: None, ..object.clone() };
        let copied = store.write(|tx| {
            let slot = tx.slot(&bucket, &key("copy"))?;
            tx.put_shared(slot, &copy)
        });
        copied.await.unwrap();
        let copy = current(&store, &bucket, "copy").await;
        assert_eq!(store.read(|tx| tx.parts_of(&copy)).await.unwrap(), None, "no upload made it");
        let truncate = async |called: &str| {
            let record = Object { state: None, ..current(&store, &bucket, called).await };
            let truncated = store.write(|tx| {
                let slot = tx.slot(&bucket, &key(called))?;
                tx.truncate_object(slot, &record, 2100)
            });
            truncated.await.unwrap();
        };
        truncate("copy").await;
        sweep(&store).await;
        assert_eq!(row_count(&store), 1);
        assert_eq!(store.read(|tx| tx.parts_of(&object)).await.unwrap().map(|parts| parts.len()), Some(2));
        truncate("k").await;
        assert_eq!(row_count(&store), 0);
        let changed = current(&store, &bucket, "k").await;
        assert_eq!(store.read(|tx| tx.parts_of(&changed)).await.unwrap(), None);
    }
}
