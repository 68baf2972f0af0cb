//! The measurement itself: rows of one part taken in turn, round after round, so that whatever else the machine does
//! meets all of them alike.

use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::client::{Connections, Done, Requests, ask};
use crate::process::Server;
use crate::report::{Sample, Series};
use crate::requests::plain_get;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds of every row.
    pub(crate) rounds: usize,
    /// Measured time of one row in one round.
    pub(crate) time: Duration,
}

/// Sent before the measured time, so that connections and caches are warm.
const WARM_UP: Duration = Duration::from_millis(30);

/// What one row does in a round.
pub(crate) enum Work<'a> {
    /// Sends what the closure makes for the round.
    Http(&'a Server, Box<dyn FnMut(usize) -> io::Result<Requests> + 'a>),
    /// Orders batches of the row's width.
    Raw(&'a std::cell::RefCell<Server>),
}

/// A row still to be measured.
pub(crate) struct Row<'a> {
    pub(crate) name: &'static str,
    pub(crate) width: usize,
    pub(crate) base: Option<usize>,
    pub(crate) work: Work<'a>,
}

/// Measures all rows in turn, `effort.rounds` times.
pub(crate) fn measure(runtime: &Runtime, effort: Effort, mut rows: Vec<Row<'_>>) -> io::Result<Vec<Series>> {
    let mut part: Vec<Series> = rows
        .iter()
        .map(|row| Series { name: row.name, width: row.width, base: row.base, samples: Vec::new() })
        .collect();
    for round in 0..effort.rounds {
        for (row, series) in rows.iter_mut().zip(&mut part) {
            let sample = match &mut row.work {
                Work::Http(server, make) => http(runtime, server, row.width, &make(round)?, effort.time),
                Work::Raw(server) => raw(&mut server.borrow_mut(), row.width, effort.time),
            };
            series.samples.push(sample?);
        }
    }
    Ok(part)
}

fn http(
    runtime: &Runtime,
    server: &Server,
    connections: usize,
    requests: &Requests,
    time: Duration,
) -> io::Result<Sample> {
    let mut connections = runtime.block_on(Connections::open(server.address, connections))?;
    runtime.block_on(connections.drive(requests, WARM_UP))?;
    let groups_before = commit_groups(runtime, server)?;
    let cpu_before = server.cpu()?;
    let done = runtime.block_on(connections.drive(requests, time))?;
    let cpu = server.cpu()?.saturating_sub(cpu_before);
    let groups = commit_groups(runtime, server)?.zip(groups_before).map(|(after, before)| after - before);
    Ok(sample(done, cpu, groups))
}

fn raw(server: &mut Server, width: usize, time: Duration) -> io::Result<Sample> {
    let cpu_before = server.cpu()?;
    let started = Instant::now();
    let answer = server.command(&format!("{width} {}", time.as_millis()))?;
    let elapsed = started.elapsed();
    let cpu = server.cpu()?.saturating_sub(cpu_before);
    let count = answer.parse().map_err(io::Error::other)?;
    let mut sample = sample(Done { count, elapsed }, cpu, None);
    sample.syncs = Some(1.0 / figure(width));
    Ok(sample)
}

fn sample(done: Done, cpu: Duration, groups: Option<u64>) -> Sample {
    let count = figure(done.count.max(1));
    Sample {
        rate: count / done.elapsed.as_secs_f64(),
        cpu_micros: cpu.as_secs_f64() * 1e6 / count,
        syncs: groups.map(|groups| figure(usize::try_from(groups).unwrap_or(usize::MAX)) / count),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn figure(count: usize) -> f64 {
    count as f64
}

/// How often the gateway has synced its log.
fn commit_groups(runtime: &Runtime, server: &Server) -> io::Result<Option<u64>> {
    let Some(console) = server.console else { return Ok(None) };
    let metrics = runtime.block_on(ask(console, &plain_get("/metrics"), &[]))?;
    let metrics = String::from_utf8_lossy(&metrics);
    let line = metrics.lines().find_map(|line| line.strip_prefix("obs_gateway_commit_groups_total "));
    let count = line.and_then(|count| count.parse().ok());
    count.map(Some).ok_or_else(|| io::Error::other("the metrics do not count commit groups"))
}
