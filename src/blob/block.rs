//! Blocks of a blob, `limits::BLOCK_BYTES` each: their checksums while it is written, their pieces and the
//! verification when it is read. Every store uses these; not here: where bytes are kept.

use crc_fast::{CrcAlgorithm, Digest};

use super::{Error, Extent, Manifest, Result};
use crate::limits::BLOCK_BYTES;

/// CRC32C of each block of a stream.
#[derive(Debug)]
pub(super) struct BlockSums {
    sums: Vec<u32>,
    /// Of the block that is not full yet.
    digest: Digest,
    filled: usize,
}

#[expect(clippy::cast_possible_truncation, reason = "a constant far below any address space")]
const BLOCK: usize = BLOCK_BYTES as usize;

impl BlockSums {
    pub(super) fn new() -> Self {
        Self { sums: Vec::new(), digest: Digest::new(CrcAlgorithm::Crc32Iscsi), filled: 0 }
    }

    pub(super) fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.filled == 0 && data.len() >= BLOCK {
                let (block, rest) = data.split_at(BLOCK);
                self.sums.push(crc_fast::crc32_iscsi(block));
                data = rest;
                continue;
            }
            let (now, rest) = data.split_at(data.len().min(BLOCK - self.filled));
            self.digest.update(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.close_block();
            }
            data = rest;
        }
    }

    /// The sums of all blocks, the last one possibly of a shorter block.
    pub(super) fn finish(mut self) -> Vec<u32> {
        if self.filled > 0 {
            self.close_block();
        }
        self.sums
    }

    fn close_block(&mut self) {
        self.sums.push(narrow(self.digest.finalize_reset()));
        self.filled = 0;
    }
}

/// Length of a block in bytes; `Corrupt` where the manifest has no such block.
pub(super) fn length(manifest: &Manifest, block: u64) -> Result<usize> {
    let start = block.checked_mul(BLOCK_BYTES).filter(|start| *start < manifest.length);
    let has_sum = usize::try_from(block).is_ok_and(|index| index < manifest.block_checksums.len());
    match start {
        Some(start) if has_sum => Ok((manifest.length - start).min(BLOCK_BYTES) as usize),
        _ => Err(corrupt(manifest, block)),
    }
}

/// The parts of extents that make up a block, in order. Together shorter than [`length`] if the manifest is damaged.
pub(super) fn pieces(manifest: &Manifest, block: u64) -> impl Iterator<Item = Extent> + '_ {
    let start = block.saturating_mul(BLOCK_BYTES);
    let end = start.saturating_add(BLOCK_BYTES).min(manifest.length);
    let mut position = 0_u64;
    manifest.extents.iter().filter_map(move |extent| {
        let extent_start = position;
        position = position.saturating_add(extent.length);
        let (from, to) = (start.max(extent_start), end.min(position));
        (from < to).then(|| Extent {
            segment: extent.segment,
            offset: extent.offset.saturating_add(from - extent_start),
            length: to - from,
        })
    })
}

/// Compares bytes read with the block's length and checksum.
pub(super) fn check(manifest: &Manifest, block: u64, data: &[u8]) -> Result<()> {
    let expected = usize::try_from(block).ok().and_then(|index| manifest.block_checksums.get(index));
    if data.len() == length(manifest, block)? && expected == Some(&crc_fast::crc32_iscsi(data)) {
        Ok(())
    } else {
        Err(corrupt(manifest, block))
    }
}

/// The error for a block that is not what the manifest says.
pub(super) fn corrupt(manifest: &Manifest, block: u64) -> Error {
    Error::Corrupt { segment: pieces(manifest, block).next().map_or(0, |piece| piece.segment), block }
}

#[expect(clippy::cast_possible_truncation, reason = "a 32-bit checksum in the 64 bits the crate gives for all widths")]
fn narrow(sum: u64) -> u32 {
    sum as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent(segment: u64, offset: u64, length: u64) -> Extent {
        Extent { segment, offset, length }
    }

    #[test]
    fn known_sum() {
        let mut sums = BlockSums::new();
        sums.update(b"12345");
        sums.update(b"6789");
        assert_eq!(sums.finish(), [0xe306_9283], "the check value every description of CRC32C gives");
    }

    #[test]
    fn sums_do_not_depend_on_how_the_bytes_come() {
        let data: Vec<u8> = (0..BLOCK * 3 + 17).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
        let expected: Vec<u32> = data.chunks(BLOCK).map(crc_fast::crc32_iscsi).collect();
        for step in [1000, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK * 2, data.len()] {
            let mut sums = BlockSums::new();
            data.chunks(step).for_each(|chunk| sums.update(chunk));
            assert_eq!(sums.finish(), expected, "{step}");
        }
        assert_eq!(BlockSums::new().finish(), Vec::<u32>::new());
    }

    #[test]
    fn pieces_of_blocks() {
        fn check(extents: &[Extent], block: u64, expected: &[Extent]) {
            let length = extents.iter().map(|extent| extent.length).sum();
            let manifest = Manifest { length, extents: extents.to_vec(), block_checksums: Vec::new() };
            assert_eq!(pieces(&manifest, block).collect::<Vec<_>>(), expected, "{extents:?} {block}");
        }
        let b = BLOCK_BYTES;
        check(&[], 0, &[]);
        check(&[extent(1, 4096, 10)], 0, &[extent(1, 4096, 10)]);
        check(&[extent(1, 4096, 10)], 1, &[]);
        check(&[extent(1, 0, b + 1)], 0, &[extent(1, 0, b)]);
        check(&[extent(1, 0, b + 1)], 1, &[extent(1, b, 1)]);
        check(&[extent(1, 0, b), extent(2, 0, 7)], 1, &[extent(2, 0, 7)]);
        check(&[extent(1, 0, b - 1), extent(2, 8, 7)], 0, &[extent(1, 0, b - 1), extent(2, 8, 1)]);
        check(&[extent(1, 0, b - 1), extent(2, 8, 7)], 1, &[extent(2, 9, 6)]);
        check(
            &[extent(1, 0, 5), extent(2, 0, 5), extent(3, 0, 5)],
            0,
            &[extent(1, 0, 5), extent(2, 0, 5), extent(3, 0, 5)],
        );
        check(&[extent(1, 0, 9)], u64::MAX, &[]);
    }

    #[test]
    fn lengths_and_checks() {
        let data = vec![7_u8; BLOCK];
        let manifest = Manifest {
            length: BLOCK_BYTES + 3,
            extents: vec![extent(9, 0, BLOCK_BYTES + 3)],
            block_checksums: vec![crc_fast::crc32_iscsi(&data), crc_fast::crc32_iscsi(b"abc")],
        };
        assert_eq!(length(&manifest, 0).unwrap(), BLOCK);
        assert_eq!(length(&manifest, 1).unwrap(), 3);
        assert!(matches!(length(&manifest, 2), Err(Error::Corrupt { segment: 0, block: 2 })));
        assert!(length(&manifest, u64::MAX).is_err());
        assert!(check(&manifest, 0, &data).is_ok());
        assert!(check(&manifest, 1, b"abc").is_ok());
        assert!(matches!(check(&manifest, 1, b"abd"), Err(Error::Corrupt { segment: 9, block: 1 })));
        assert!(check(&manifest, 1, b"ab").is_err());
        assert!(check(&manifest, 2, b"").is_err());
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_blob(lengths in prop::collection::vec(1..BLOCK_BYTES * 2, 1..6)) {
            let extents: Vec<Extent> =
                lengths.iter().enumerate().map(|(i, length)| extent(i as u64, 4096, *length)).collect();
            let length: u64 = lengths.iter().sum();
            let manifest = Manifest { length, extents: extents.clone(), block_checksums: Vec::new() };
            let mut joined: Vec<Extent> = Vec::new();
            for piece in (0..length.div_ceil(BLOCK_BYTES)).flat_map(|block| pieces(&manifest, block).collect::<Vec<_>>()) {
                match joined.last_mut() {
                    Some(last) if last.segment == piece.segment && last.offset + last.length == piece.offset => {
                        last.length += piece.length;
                    }
                    _ => joined.push(piece),
                }
            }
            prop_assert_eq!(joined, extents);
        }
    }
}
