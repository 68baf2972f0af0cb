//! Raw file access of the segment store: the directory of segment files, and the system calls on one of them. The
//! only file here that names `std::fs`. Not here: what a segment holds, or who may write where.

#![expect(clippy::disallowed_methods, reason = "the only file that opens, makes and removes segment files")]

use std::fs::{File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::{Errno, ReadWriteFlags, retry_on_intr};

const SUFFIX: &str = ".seg";
const NAME_DIGIT_COUNT: usize = 16;
/// What `st_blocks` counts in, whatever the filesystem's own block size.
const STAT_BLOCK_BYTES: u64 = 512;

/// The folder of segment files, `<number as 16 hex digits>.seg`.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    handle: File,
}

impl Directory {
    /// Opens the folder, making it first where it is missing. What it lists afterwards survives power loss.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if !path.try_exists()? {
            std::fs::create_dir_all(path)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        let handle = File::open(path)?;
        handle.sync_all()?;
        Ok(Self { path: path.to_owned(), handle })
    }

    /// Number and size in bytes of every segment file, ascending.
    pub(super) fn entries(&self) -> io::Result<Vec<(u64, u64)>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let Some(number) = entry.file_name().to_str().and_then(parse_name) else { continue };
            match entry.metadata() {
                Ok(metadata) => entries.push((number, metadata.len())),
                // Removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }

    /// Makes a segment file. It may vanish with power loss until [`Directory::sync`] returned.
    pub(super) fn create(&self, number: u64) -> io::Result<SegmentFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        options.open(self.file_path(number)).map(SegmentFile)
    }

    pub(super) fn open_file(&self, number: u64) -> io::Result<SegmentFile> {
        OpenOptions::new().read(true).write(true).open(self.file_path(number)).map(SegmentFile)
    }

    /// Removes a segment file; one that is not there is as good as removed.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        match std::fs::remove_file(self.file_path(number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    /// Makes the names in the folder durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    /// Total and available bytes of the filesystem.
    pub(super) fn capacity(&self) -> Option<(u64, u64)> {
        let stat = rustix::fs::fstatvfs(&self.handle).ok()?;
        Some((stat.f_blocks.saturating_mul(stat.f_frsize), stat.f_bavail.saturating_mul(stat.f_frsize)))
    }

    fn file_path(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:0NAME_DIGIT_COUNT$x}{SUFFIX}"))
    }
}

/// One open segment file.
#[derive(Debug)]
pub(super) struct SegmentFile(File);

impl SegmentFile {
    pub(super) fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    /// Fills `buffer`, waiting for the disk where need be. `UnexpectedEof` when the file ends before.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    /// Fills `buffer` if every byte of it is in the page cache; `Ok(false)` otherwise, and on filesystems that
    /// cannot tell.
    pub(super) fn read_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            let position = offset.saturating_add(filled as u64);
            let mut rest = [IoSliceMut::new(&mut buffer[filled..])];
            match retry_on_intr(|| rustix::io::preadv2(&self.0, &mut rest, position, ReadWriteFlags::NOWAIT)) {
                // The end of the file: the read that may wait says so properly.
                Ok(0) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Ok(false),
                Ok(count) => filled += count,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Reserves disk space behind `offset`: `wanted` bytes, or as much as there is room for down to `minimum`.
    /// Returns the bytes reserved; the file's size then ends there.
    pub(super) fn preallocate(&self, offset: u64, wanted: u64, minimum: u64) -> io::Result<u64> {
        let mut length = wanted.max(minimum);
        loop {
            match retry_on_intr(|| rustix::fs::fallocate(&self.0, FallocateFlags::empty(), offset, length)) {
                Ok(()) => return Ok(length),
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                    // A sparse file serves as well; only running out of space then shows late.
                    self.0.set_len(offset.saturating_add(length))?;
                    return Ok(length);
                }
                Err(Errno::NOSPC | Errno::DQUOT) if length > minimum => {
                    // A failed attempt may have taken part of the space.
                    self.0.set_len(offset)?;
                    length = (length / 2 / ALIGN_BYTES * ALIGN_BYTES).max(minimum);
                }
                Err(error) => {
                    // Leave nothing behind; the reason to report is the first failure.
                    let _ = self.0.set_len(offset);
                    return Err(error.into());
                }
            }
        }
    }

    /// Gives the disk space of a range back; it reads as zeros from then on. `Ok(false)` where the filesystem cannot.
    pub(super) fn punch(&self, offset: u64, length: u64) -> io::Result<bool> {
        if length == 0 {
            return Ok(true);
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match retry_on_intr(|| rustix::fs::fallocate(&self.0, flags, offset, length)) {
            Ok(()) => Ok(true),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Bytes the file takes on the disk, holes not counted.
    pub(super) fn allocated_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.blocks().saturating_mul(STAT_BLOCK_BYTES))
    }

    /// Makes bytes and size durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::fdatasync(&self.0))?)
    }
}

/// What extents start at multiples of, so that each can be punched without touching its neighbours.
pub(super) const ALIGN_BYTES: u64 = 4096;

/// The next multiple of [`ALIGN_BYTES`]; stays at the last one where there is no next.
pub(super) const fn align_up(position: u64) -> u64 {
    match position.checked_next_multiple_of(ALIGN_BYTES) {
        Some(aligned) => aligned,
        None => u64::MAX / ALIGN_BYTES * ALIGN_BYTES,
    }
}

fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let is_ours = digits.len() == NAME_DIGIT_COUNT && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_ours.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        fn check(name: &str, expected: Option<u64>) {
            assert_eq!(parse_name(name), expected, "{name}");
        }
        check("0000000000000000.seg", Some(0));
        check("00000000000000ff.seg", Some(255));
        check("ffffffffffffffff.seg", Some(u64::MAX));
        check("00000000000000FF.seg", None);
        check("+000000000000001.seg", None);
        check("1.seg", None);
        check("00000000000000ff", None);
        check("00000000000000ff.seg.tmp", None);
        check("", None);
    }

    #[test]
    fn alignment() {
        fn check(position: u64, expected: u64) {
            assert_eq!(align_up(position), expected, "{position}");
        }
        check(0, 0);
        check(1, 4096);
        check(4096, 4096);
        check(4097, 8192);
        check(u64::MAX, u64::MAX - 4095);
    }

    #[test]
    fn a_file_comes_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(&folder.path().join("a/b")).unwrap();
        let file = directory.create(26).unwrap();
        assert!(directory.create(26).is_err(), "a number is used once");
        assert_eq!(file.preallocate(0, 64 * 1024, 4096).unwrap(), 64 * 1024);
        file.write_at(b"some bytes", 5000).unwrap();
        file.sync().unwrap();
        directory.sync().unwrap();
        assert_eq!(directory.entries().unwrap(), [(26, 64 * 1024)]);

        let mut buffer = [0; 10];
        directory.open_file(26).unwrap().read_at(&mut buffer, 5000).unwrap();
        assert_eq!(&buffer, b"some bytes");
        assert_eq!(file.read_at(&mut buffer, 64 * 1024 - 5).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(!file.read_cached(&mut buffer, 64 * 1024 - 5).unwrap(), "the end is not in the cache");

        if file.punch(4096, 4096).unwrap() {
            file.read_at(&mut buffer, 5000).unwrap();
            assert_eq!(buffer, [0; 10]);
        }
        file.truncate(0).unwrap();
        assert_eq!(file.size().unwrap(), 0);
        directory.remove(26).unwrap();
        directory.remove(26).unwrap();
        assert_eq!(directory.entries().unwrap(), []);
        assert!(directory.capacity().is_some_and(|(total, available)| total >= available && total > 0));
    }
}
