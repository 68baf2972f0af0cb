//! One client: puts, overwrites, deletes, reads back and sets a quota, as fast as answers come, until the gateway is
//! killed under it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::model::{BUCKETS, Body, Slots};
use crate::support::{Connection, Request};

/// Bodies up to here are stored with their record; above, in segments.
const INLINE_BYTES: usize = 64 * 1024;
const LARGE_BYTES_MAX: usize = 300 * 1024;

pub(super) struct Worker<'world> {
    pub(super) seed: u64,
    pub(super) slots: &'world mut Slots,
    /// Told of every operation that was answered.
    pub(super) acknowledge: Sender<()>,
    /// From then on the gateway may break off.
    pub(super) killed: &'world AtomicBool,
}

impl Worker<'_> {
    pub(super) fn run(mut self, address: SocketAddr) {
        let mut random = StdRng::seed_from_u64(self.seed);
        let outcome = Connection::open(address).and_then(|mut connection| {
            loop {
                match random.random_range(0..20) {
                    0..12 => self.put(&mut connection, &mut random)?,
                    12..16 => self.delete(&mut connection, &mut random)?,
                    16..19 => self.read(&mut connection, &mut random)?,
                    _ => self.set_quota(&mut connection, &mut random)?,
                }
                if self.acknowledge.send(()).is_err() {
                    return Ok(());
                }
            }
        });
        if let Err(error) = outcome {
            assert!(self.killed.load(Ordering::SeqCst), "the gateway broke off before it was killed: {error}");
        }
    }

    fn put(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let length = match random.random_range(0..10) {
            0..6 => random.random_range(0..4096),
            6 => random.random_range(4096..=INLINE_BYTES),
            _ => random.random_range(INLINE_BYTES + 1..LARGE_BYTES_MAX),
        };
        let body = Body { seed: random.random(), length };
        let keys = self.slots.keys.clone();
        let (path, object) = pick(self.slots, random);
        let bytes = body.bytes();
        let is_announced = random.random_ratio(3, 4);
        let request = if is_announced { Request::put(path, bytes) } else { Request::put_chunked(path, &bytes, 16_384) };
        object.attempted = Some(Some(body));
        let answer = connection.ask(&request.signed(&keys))?;
        match answer.verdict() {
            (200, _) => object.succeed(),
            (403, "InsufficientStorageSpace") if !path.starts_with("/free/") => object.fail(),
            _ => panic!("PUT {path}: {answer:?}"),
        }
        Ok(())
    }

    fn delete(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let keys = self.slots.keys.clone();
        let (path, object) = pick(self.slots, random);
        object.attempted = Some(None);
        let answer = connection.ask(&Request::delete(path).signed(&keys))?;
        assert_eq!(answer.status, 204, "DELETE {path}: {answer:?}");
        object.succeed();
        Ok(())
    }

    /// Nobody else writes this key: what was acknowledged last is what is read.
    fn read(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let keys = self.slots.keys.clone();
        let (path, object) = pick(self.slots, random);
        let answer = connection.ask(&Request::get(path).signed(&keys))?;
        match object.value {
            Some(body) => assert!(answer.status == 200 && answer.body == body.bytes(), "GET {path} is not {body:?}"),
            None => assert_eq!(answer.status, 404, "GET {path}: {answer:?}"),
        }
        Ok(())
    }

    fn set_quota(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let Some(quota) = &mut self.slots.quota else { return Ok(()) };
        let bytes = random.random_range(100_000..2_000_000);
        quota.attempted = Some(bytes);
        let answer = connection.ask(&Request::put_quota(BUCKETS[1], bytes).signed(&self.slots.keys))?;
        assert_eq!(answer.status, 200, "{answer:?}");
        quota.succeed();
        Ok(())
    }
}

fn pick<'slots>(
    slots: &'slots mut Slots,
    random: &mut StdRng,
) -> (&'slots str, &'slots mut super::model::Settled<Option<Body>>) {
    let index = random.random_range(0..slots.objects.len());
    let (path, object) = &mut slots.objects[index];
    (path, object)
}
