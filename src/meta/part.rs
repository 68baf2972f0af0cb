//! The parts of an unfinished upload. Those of one upload never conflict with each other, and always with its end.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::body::{Body, Piece, Source, Stored, damaged};
use super::bucket::Bucket;
use super::engine::{Family, Step};
use super::record::Record;
use super::store::Tx;
use super::upload::OpenUpload;
use super::{BlobId, Result, keys};
use crate::checksum::Checksum;
use crate::clock::UnixMillis;
use crate::limits;
use crate::quota::{Change, Held};

/// A part of an unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which bytes.
    pub blob: BlobId,
    /// Where the bytes are.
    pub body: Body,
    /// Length in bytes.
    pub size: u64,
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// When it was stored.
    pub modified_millis: UnixMillis,
    /// CRC-64 (ECMA-182), where a client sent one.
    pub crc64: Option<u64>,
    /// The checksum it was stored with, where a client asked for one.
    pub checksum: Option<Checksum>,
}

impl Record for Part {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a part";
}

impl Tx<'_> {
    /// A part of an upload.
    pub fn part(&mut self, open: &OpenUpload, number: u16) -> Result<Option<Part>> {
        self.get_record(Family::Uploads, open.part_row(number))
    }

    /// Stores a part whose bytes are `stored`; the part of that number goes. `bucket` is its record as this transaction
    /// read it.
    pub fn put_part(
        &mut self,
        bucket: &Bucket,
        open: &OpenUpload,
        number: u16,
        part: &Part,
        stored: &Stored,
    ) -> Result<()> {
        let mut change = Change::default().comes(Held::Part(part.size));
        if let Some(old) = self.part(open, number)? {
            change = change.gone(Held::Part(old.size));
            self.release(old.blob, old.body, part.modified_millis)?;
        }
        self.charge_change(bucket, change)?;
        self.put_body(part.blob, stored)?;
        self.put(Family::Uploads, open.part_row(number), part.encode()?.into());
        // Nobody who stores a part reads this row: parts do not meet. Whoever ends the upload does.
        let key = Bytes::copy_from_slice(open.key().as_str().as_bytes());
        self.put(Family::Uploads, open.token_row(), key);
        Ok(())
    }

    /// Stores a part that is made of pieces of other bodies, which this transaction read: they get one more reference
    /// each.
    pub fn put_copied_part(
        &mut self,
        bucket: &Bucket,
        open: &OpenUpload,
        number: u16,
        part: &Part,
        pieces: Vec<Piece>,
    ) -> Result<()> {
        let mut added = BTreeMap::new();
        for piece in &pieces {
            if let Source::Blob { blob, .. } = piece.source {
                *added.entry(blob).or_default() += 1;
            }
        }
        self.retain(&added)?;
        self.put_part(bucket, open, number, part, &Stored::Pieces(pieces))
    }

    /// All parts of an upload, by number; the commit relies on there being no others.
    pub fn all_parts(&mut self, open: &OpenUpload) -> Result<BTreeMap<u16, Part>> {
        // Written with every part: while it stands, so does what the scan sees.
        self.get_with(Family::Uploads, open.token_row(), |_| Ok(()))?;
        let prefix = open.part_rows();
        let mut parts = BTreeMap::new();
        self.scan(
            Family::Uploads,
            Bound::Included(&prefix),
            keys::prefix_end(&prefix).as_deref(),
            &mut |row, value| {
                let (_, _, number) = keys::parts_of_part(row).ok_or_else(|| damaged("a part's key"))?;
                parts.insert(number, Part::decode(value)?);
                Ok(Step::Next)
            },
        )?;
        Ok(parts)
    }

    /// What the parts of these numbers make together; `None` where that is more than `limits::PIECE_COUNT_MAX` pieces.
    pub fn composed(&mut self, parts: &BTreeMap<u16, Part>, chosen: &[u16]) -> Result<Option<Vec<Piece>>> {
        let mut whole = Vec::with_capacity(chosen.len());
        for (number, part) in chosen.iter().filter_map(|number| Some((*number, parts.get(number)?))) {
            let pieces = self.pieces_of(part.blob, part.body, part.size)?;
            if whole.len() + pieces.len() > limits::PIECE_COUNT_MAX {
                return Ok(None);
            }
            whole.extend(pieces.into_iter().map(|piece| Piece { part: number, ..piece }));
        }
        Ok(Some(whole))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::record::tests::check_stored;
    use super::super::testing::{OWNER, begin, bucket, key, part, put_part, store};
    use super::*;
    use crate::checksum::ChecksumAlgorithm;

    #[test]
    fn stored_parts_are_read_for_ever() {
        let checksum = Some(Checksum { algorithm: ChecksumAlgorithm::Sha1, digest: vec![5], part_count: 0 });
        let part = Part { blob: BlobId(9), body: Body::Pieces, crc64: Some(300), checksum, ..part(70).0 };
        check_stored("0109024607070707070707070707070707070707cae29fbde42901ac020103010500", &part);
    }

    #[tokio::test]
    async fn parts_of_one_upload_do_not_conflict() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let to = ("k", begin(&store, &bucket, "k").await);
        let ((mine, stored), mut runs) = (part(5), 0);
        let write = store.write(|tx| {
            runs += 1;
            let open = tx.open_upload(bucket.id, &key("k"), to.1)?.expect("it has not ended");
            put_part(&store, &bucket, to, 2, 7).now_or_never().expect("the engine in memory never waits")?;
            tx.put_part(&bucket, &open, 1, &mine, &stored)
        });
        write.await.unwrap();
        assert_eq!(runs, 1);
        assert_eq!(store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap().part_bytes, 12);
    }
}
