//! RocksDB by itself: one thread that writes synced batches of records as large as those of a 1 KiB PUT.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rocksdb::{DB, Options, WriteBatch, WriteOptions};

/// Bytes of a body row's key and of the body.
const BODY: (usize, usize) = (16, 1024);
/// Bytes of an object row's key and of the record.
const OBJECT: (usize, usize) = (24, 100);
/// Bytes of a counter's key and of the counter; a batch writes two.
const COUNTER: (usize, usize) = (17, 64);

/// Reads `records-per-batch milliseconds` lines, and answers each with the number of records written.
pub(crate) fn work(folder: &Path) -> io::Result<()> {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_recycle_log_file_num(4);
    let db = DB::open(&options, folder).map_err(io::Error::other)?;
    let mut serial = 0;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut numbers = line.split(' ').map_while(|number| number.parse::<u64>().ok());
        let (Some(size), Some(millis)) = (numbers.next(), numbers.next()) else {
            return Err(io::Error::other(format!("not an order: {line}")));
        };
        let (started, first) = (Instant::now(), serial);
        while started.elapsed() < Duration::from_millis(millis) {
            write(&db, &mut serial, size)?;
        }
        writeln!(io::stdout(), "{}", serial - first)?;
    }
    Ok(())
}

fn write(db: &DB, serial: &mut u64, size: u64) -> io::Result<()> {
    let mut batch = WriteBatch::default();
    for _ in 0..size {
        *serial += 1;
        batch.put(key(b'b', *serial, BODY.0), [b'x'; BODY.1]);
        batch.put(key(b'o', *serial, OBJECT.0), [b'x'; OBJECT.1]);
    }
    for counter in 0..2 {
        batch.put(key(b'c', counter, COUNTER.0), [b'x'; COUNTER.1]);
    }
    let mut options = WriteOptions::default();
    options.set_sync(true);
    db.write_opt(batch, &options).map_err(io::Error::other)
}

fn key(tag: u8, number: u64, length: usize) -> Vec<u8> {
    let mut key = vec![0; length];
    key[0] = tag;
    key[1..9].copy_from_slice(&number.to_be_bytes());
    key
}
