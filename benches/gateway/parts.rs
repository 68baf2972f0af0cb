//! The parts of the run: which servers, which rows, which bars.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::{Connections, Requests, ask};
use crate::process::Server;
use crate::report::{Bar, Series, print_part};
use crate::requests::Signer;
use crate::rounds::{Effort, Row, Work, measure};

/// A bucket without a quota.
const FREE: &str = "free";
/// A bucket with one.
const BOUND: &str = "bound";
/// More than a run writes.
const QUOTA: &[u8] = b"<Quota><StorageQuota>1000000000000</StorageQuota></Quota>";
/// More than any server here answers, in operations a second.
const RATE_MAX: u64 = 60_000;
const KIB: usize = 1024;
/// The row of another binary; its ratio is to the row above.
const AGAINST: &str = "  the other binary";
const PUT_FREE: &str = "PUT 1 KiB";

/// A gateway on an empty folder, with its two buckets.
struct Gateway {
    server: Server,
    _folder: TempDir,
}

impl Gateway {
    /// The one built with this bench.
    fn start(runtime: &Runtime) -> io::Result<Self> {
        Self::start_binary(runtime, Path::new(env!("CARGO_BIN_EXE_obs-gateway")))
    }

    fn start_binary(runtime: &Runtime, binary: &Path) -> io::Result<Self> {
        let folder = temporary_folder()?;
        let server = Server::gateway(binary, folder.path())?;
        let signer = Signer::new();
        for bucket in [FREE, BOUND] {
            runtime.block_on(ask(server.address, &signer.head("PUT", bucket, "/", 0)?, &[]))?;
        }
        let put_quota = signer.head("PUT", BOUND, "/?quota", QUOTA.len())?;
        runtime.block_on(ask(server.address, &put_quota, QUOTA))?;
        Ok(Self { server, _folder: folder })
    }

    /// Stores one object under each key.
    fn fill(&self, runtime: &Runtime, keys: &[String], body_bytes: usize) -> io::Result<()> {
        let heads = Signer::new().heads("PUT", FREE, keys.iter().cloned(), body_bytes)?;
        let requests = Requests::once(heads, vec![b'x'; body_bytes]);
        let mut connections = runtime.block_on(Connections::open(self.server.address, 64))?;
        runtime.block_on(connections.drive(&requests, Duration::MAX)).map(|_| ())
    }

    fn row<'a>(
        &'a self,
        name: &'static str,
        width: usize,
        make: impl FnMut(usize) -> io::Result<Requests> + 'a,
    ) -> Row<'a> {
        Row { name, width, base: None, work: Work::Http(&self.server, Box::new(make)) }
    }

    /// PUTs of new keys, enough for `time`.
    fn puts<'a>(&'a self, name: &'static str, width: usize, bucket: &'a str, size: usize, time: Duration) -> Row<'a> {
        self.signed_puts((name, width), bucket, size, time, |_| Signer::new())
    }

    /// The same, signed by what `signer` makes for the body.
    fn signed_puts<'a>(
        &'a self,
        (name, width): (&'static str, usize),
        bucket: &'a str,
        size: usize,
        time: Duration,
        signer: fn(&[u8]) -> Signer,
    ) -> Row<'a> {
        // Large bodies take the time of their bytes.
        let rate = RATE_MAX.min(8_000_000_000 / size as u64);
        let count = u128::from(rate) * (time + Duration::from_millis(100)).as_millis() / 1000;
        self.row(name, width, move |round| {
            let keys = (0..count).map(|serial| format!("{width}/{size}/{round}/{serial:08}"));
            let body = vec![b'x'; size];
            Ok(Requests::once(signer(&body).heads("PUT", bucket, keys, size)?, body))
        })
    }

    /// GETs of `keys` in turn.
    fn gets<'a>(&'a self, name: &'static str, width: usize, keys: &'a [String]) -> Row<'a> {
        self.signed_gets((name, width), keys, |_| Signer::new())
    }

    /// The same, signed by what `signer` makes for no body.
    fn signed_gets<'a>(
        &'a self,
        (name, width): (&'static str, usize),
        keys: &'a [String],
        signer: fn(&[u8]) -> Signer,
    ) -> Row<'a> {
        self.row(name, width, move |_| {
            Ok(Requests::in_turn(signer(&[]).heads("GET", FREE, keys.iter().cloned(), 0)?))
        })
    }
}

/// On the disk that holds the build, because folders for temporary files may be in memory.
pub(crate) fn temporary_folder() -> io::Result<TempDir> {
    tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))
}

/// `GET /?quota` beside hyper alone.
pub(crate) fn quota(
    runtime: &Runtime,
    effort: Effort,
    against: Option<&Path>,
    out: &mut impl Write,
) -> io::Result<Vec<Bar>> {
    let gateway = Gateway::start(runtime)?;
    let other = against.map(|binary| Gateway::start_binary(runtime, binary)).transpose()?;
    let ask_quota = || Signer::new().head("GET", BOUND, "/?quota", 0);
    let document = runtime.block_on(ask(gateway.server.address, &ask_quota()?, &[]))?;
    let bare = Server::bare(document.len())?;
    let make = move |_| Ok(Requests::repeated(ask_quota()?));
    let mut rows = Vec::new();
    for width in [1, 64] {
        let base = Some(rows.len());
        rows.push(Row { name: "bare hyper", width, base: None, work: Work::Http(&bare, Box::new(make)) });
        rows.push(Row { base, ..gateway.row("GET /?quota, signed", width, make) });
        if let Some(other) = &other {
            rows.push(Row { base: Some(rows.len() - 1), ..other.row(AGAINST, width, make) });
        }
    }
    let part = measure(runtime, effort, rows)?;
    print_part(out, "The quota answer beside a bare hyper service", "conns", &part)?;
    let ratio = find(&part, "GET /?quota, signed", 64).and_then(|series| series.ratio(&part));
    Ok(vec![Bar {
        name: "quota: CPU, bare = 1, 64 connections",
        found: ratio,
        interval: None,
        is_floor: false,
        bound: 1.5,
        aim: Some(1.15),
    }])
}

/// Durable PUTs of 1 KiB beside RocksDB alone.
pub(crate) fn put(
    runtime: &Runtime,
    effort: Effort,
    against: Option<&Path>,
    out: &mut impl Write,
) -> io::Result<Vec<Bar>> {
    let gateway = Gateway::start(runtime)?;
    let other = against.map(|binary| Gateway::start_binary(runtime, binary)).transpose()?;
    let folder = temporary_folder()?;
    let raw = RefCell::new(Server::raw(folder.path())?);
    let mut rows = Vec::new();
    for width in [1, 8, 64] {
        let base = Some(rows.len());
        rows.push(Row { name: "RocksDB, synced batches", width, base: None, work: Work::Raw(&raw) });
        rows.push(Row { base, ..gateway.puts(PUT_FREE, width, FREE, KIB, effort.time) });
        if let Some(other) = &other {
            rows.push(Row { base: Some(rows.len() - 1), ..other.puts(AGAINST, width, FREE, KIB, effort.time) });
        }
    }
    let part = measure(runtime, effort, rows)?;
    print_part(out, "Durable PUT of 1 KiB beside RocksDB's own synced batches", "width", &part)?;
    let Some(free) = find(&part, PUT_FREE, 64) else { return Ok(vec![]) };
    let bar = |name, found, is_floor, bound, aim| Bar { name, found, interval: None, is_floor, bound, aim };
    Ok(vec![
        bar("PUT 1 KiB: operations/s, 64 connections", free.rate(), true, 11_260.0, Some(20_000.0)),
        bar("PUT 1 KiB: syncs/operation, 64 connections", free.syncs(), false, 0.1, None),
        bar("PUT 1 KiB: CPU µs/operation, 64 connections", free.cpu_micros(), false, 60.0, Some(35.0)),
    ])
}

/// The same operations in OBS's words and in S3's: what Signature Version 4 and S3's default checksum cost.
pub(crate) fn dialects(
    runtime: &Runtime,
    effort: Effort,
    against: Option<&Path>,
    out: &mut impl Write,
) -> io::Result<()> {
    let gateway = Gateway::start(runtime)?;
    let other = against.map(|binary| Gateway::start_binary(runtime, binary)).transpose()?;
    let keys = keys("get-1k", 2000);
    for gateway in std::iter::once(&gateway).chain(&other) {
        gateway.fill(runtime, &keys, KIB)?;
    }
    let v4_gateways: Vec<(&Gateway, &'static str)> =
        std::iter::once((&gateway, "  V4")).chain(other.iter().map(|other| (other, AGAINST))).collect();
    let mut rows = vec![gateway.gets("GET 1 KiB, OBS", 64, &keys)];
    for (gateway, name) in &v4_gateways {
        rows.push(Row { base: Some(rows.len() - 1), ..gateway.signed_gets((name, 64), &keys, Signer::v4) });
    }
    rows.push(gateway.puts("PUT 1 KiB, OBS", 64, FREE, KIB, effort.time));
    for (gateway, name) in &v4_gateways {
        let puts = gateway.signed_puts((name, 64), BOUND, KIB, effort.time, Signer::v4);
        rows.push(Row { base: Some(rows.len() - 1), ..puts });
    }
    let part = measure(runtime, effort, rows)?;
    print_part(out, "The dialects beside each other", "conns", &part)
}

fn find<'a>(part: &'a [Series], name: &str, width: usize) -> Option<&'a Series> {
    part.iter().find(|series| series.name == name && series.width == width)
}

/// Keys of the objects that are read.
struct Stored {
    small: Vec<String>,
    middle: Vec<String>,
    large: Vec<String>,
}

impl Stored {
    fn new() -> Self {
        // The middle ones are more than RocksDB gathers in memory: what is read has been written to its final place.
        Self { small: keys("get-1k", 2000), middle: keys("get-64k", 1200), large: keys("get-1m", 50) }
    }

    fn fill(&self, runtime: &Runtime, gateway: &Gateway) -> io::Result<()> {
        gateway.fill(runtime, &self.small, KIB)?;
        gateway.fill(runtime, &self.middle, 64 * KIB)?;
        gateway.fill(runtime, &self.large, 1024 * KIB)
    }
}

fn keys(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{prefix}/{at:08}")).collect()
}

/// Other operations and sizes.
pub(crate) fn sizes(runtime: &Runtime, effort: Effort, against: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    let gateway = Gateway::start(runtime)?;
    let other = against.map(|binary| Gateway::start_binary(runtime, binary)).transpose()?;
    let stored = Stored::new();
    for gateway in std::iter::once(&gateway).chain(&other) {
        stored.fill(runtime, gateway)?;
    }
    let list = |_| Ok(Requests::repeated(Signer::new().head("GET", FREE, "/?prefix=get-1k&max-keys=1000", 0)?));
    let delete = |round: usize| {
        let keys = keys(&format!("delete/{round}"), 10_000);
        gateway.fill(runtime, &keys, KIB)?;
        Ok(Requests::once(Signer::new().heads("DELETE", FREE, keys.into_iter(), 0)?, Vec::new()))
    };
    let mut rows = Vec::new();
    for (name, width, keys) in [
        ("GET 1 KiB", 1, &stored.small),
        ("GET 1 KiB", 64, &stored.small),
        ("GET 64 KiB", 8, &stored.middle),
        ("GET 1 MiB", 8, &stored.large),
    ] {
        rows.push(gateway.gets(name, width, keys));
        if let Some(other) = &other {
            rows.push(Row { base: Some(rows.len() - 1), ..other.gets(AGAINST, width, keys) });
        }
    }
    rows.extend([
        gateway.puts("PUT 64 KiB", 8, FREE, 64 * KIB, effort.time),
        gateway.puts("PUT 1 MiB", 8, FREE, 1024 * KIB, effort.time),
        gateway.row("DELETE (1 KiB)", 64, delete),
        gateway.row("list 1,000 keys", 8, list),
    ]);
    let part = measure(runtime, effort, rows)?;
    print_part(out, "Other operations and sizes", "conns", &part)
}
