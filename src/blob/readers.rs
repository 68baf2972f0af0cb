//! Who reads segments now. The sweep frees an extent only when every reader that may hold its old record is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::UnixMillis;

/// The readers at work, by the time they began.
#[derive(Clone, Debug, Default)]
pub struct Readers(Arc<Mutex<BTreeMap<UnixMillis, usize>>>);

/// A reader at work; it is done when this is dropped.
#[derive(Debug)]
pub struct Reader {
    readers: Readers,
    began: UnixMillis,
}

impl Readers {
    /// Notes a reader that began at `now`, before it read the record.
    #[must_use]
    pub fn begin(&self, now: UnixMillis) -> Reader {
        *self.0.lock().entry(now).or_default() += 1;
        Reader { readers: self.clone(), began: now }
    }

    /// When the reader that has been at work longest began; `now` where there is none.
    #[must_use]
    pub fn oldest(&self, now: UnixMillis) -> UnixMillis {
        self.0.lock().first_key_value().map_or(now, |(began, _)| *began.min(&now))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut readers = self.readers.0.lock();
        if let Some(count) = readers.get_mut(&self.began) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.began);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_reader_counts() {
        let readers = Readers::default();
        assert_eq!(readers.oldest(9), 9);
        let (first, second) = (readers.begin(3), readers.begin(3));
        let third = readers.begin(5);
        assert_eq!(readers.oldest(9), 3);
        drop(first);
        assert_eq!(readers.oldest(9), 3);
        drop(second);
        assert_eq!(readers.oldest(9), 5);
        drop(third);
        assert_eq!(readers.oldest(9), 9);
    }
}
