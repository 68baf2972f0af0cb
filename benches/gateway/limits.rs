//! What limits cost a PUT: the same PUTs into buckets without and with limits, of one server process and over the same
//! connections, in many short slices that take turns. Ratios are taken within a round, whose slices lie a fraction of
//! a second apart, so what else the machine does meets both sides. A second bucket without limits is the control: how
//! far its ratio is from 1 is noise.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::{Connections, Requests, ask};
use crate::parts::temporary_folder;
use crate::process::{ACCESS_KEY, SECRET_KEY, Server};
use crate::report::{Bar, Spread};
use crate::requests::{Signer, admin};

/// How many rounds, and how long the slice of each row in a round is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slices {
    pub(crate) rounds: usize,
    pub(crate) operations: usize,
}

const CONNECTION_COUNT: usize = 64;
const BODY_BYTES: usize = 1024;
const ROOT: (&str, &str) = (ACCESS_KEY, SECRET_KEY);
/// Keys of an account that has limits itself.
const TENANT: (&str, &str) = ("TENANTTENANTTENANTTE", "tenanttenanttenanttenanttenanttenanttena");

/// What is compared: a bucket and whose it is. The first is what the others' figures are divided by.
const SUBJECTS: [Subject; 4] = [
    Subject { name: "no limits", bucket: "free", keys: ROOT },
    Subject { name: "no limits, another bucket", bucket: "control", keys: ROOT },
    Subject { name: "bucket quota", bucket: "bound", keys: ROOT },
    Subject { name: "every limit of bucket and account", bucket: "bound-whole", keys: TENANT },
];

struct Subject {
    name: &'static str,
    bucket: &'static str,
    keys: (&'static str, &'static str),
}

/// Limits by the admin API, each more than a run writes; the account's pack comes on top of its capacity.
const SETTINGS: [(&str, &str, &str); 6] = [
    ("POST", "accounts", r#"{"name":"tenant"}"#),
    (
        "POST",
        "keys",
        r#"{"account":"tenant","access_key":"TENANTTENANTTENANTTE","secret_key":"tenanttenanttenanttenanttenanttenanttena"}"#,
    ),
    ("PUT", "accounts/tenant/limits", r#"{"capacity_bytes":1000000000000,"object_limit":1000000000}"#),
    ("POST", "accounts/tenant/packs", r#"{"bytes":1000000000000,"expires":"2099-01-01T00:00:00Z"}"#),
    ("PUT", "buckets/bound/quota", r#"{"quota_bytes":1000000000000}"#),
    ("PUT", "buckets/bound-whole/quota", r#"{"quota_bytes":1000000000000,"object_limit":1000000000}"#),
];

/// A gateway with the buckets of all subjects.
struct Gateway {
    server: Server,
    connections: Connections,
    _folder: TempDir,
}

/// One slice.
#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    cpu_micros: f64,
}

impl Gateway {
    fn start(runtime: &Runtime, binary: &Path) -> io::Result<Self> {
        let folder = temporary_folder()?;
        let server = Server::gateway(binary, folder.path())?;
        let console = server.console.ok_or_else(|| io::Error::other("the gateway has no console"))?;
        let set = |(method, path, document): (&str, &str, &str)| {
            let head = admin(method, &format!("/admin/v1/{path}"), document);
            runtime.block_on(ask(console, &head, document.as_bytes())).map(|_| ())
        };
        let (accounts, limits) = SETTINGS.split_at(2);
        accounts.iter().copied().try_for_each(set)?;
        for subject in &SUBJECTS {
            let head = Signer::with_keys(subject.keys).head("PUT", subject.bucket, "/", 0)?;
            runtime.block_on(ask(server.address, &head, &[]))?;
        }
        limits.iter().copied().try_for_each(set)?;
        let connections = runtime.block_on(Connections::open(server.address, CONNECTION_COUNT))?;
        Ok(Self { server, connections, _folder: folder })
    }

    fn slice(&mut self, runtime: &Runtime, requests: &Requests) -> io::Result<Figures> {
        self.connections.rewind();
        let cpu_before = self.server.fine_cpu()?;
        let done = runtime.block_on(self.connections.drive(requests, Duration::MAX))?;
        let cpu = self.server.fine_cpu()?.saturating_sub(cpu_before);
        let count = f64::from(u32::try_from(done.count).unwrap_or(u32::MAX));
        Ok(Figures { rate: count / done.elapsed.as_secs_f64(), cpu_micros: cpu.as_secs_f64() * 1e6 / count })
    }
}

fn puts(subject: &Subject, round: usize, count: usize) -> io::Result<Requests> {
    let keys = (0..count).map(|serial| format!("{round:04}/{serial:06}"));
    let heads = Signer::with_keys(subject.keys).heads("PUT", subject.bucket, keys, BODY_BYTES)?;
    Ok(Requests::once(heads, vec![b'x'; BODY_BYTES]))
}

/// The order of a round: each subject comes first, and before each other one, equally often.
fn order(round: usize) -> [usize; SUBJECTS.len()] {
    let mut order = std::array::from_fn(|at| (at + round / 2) % SUBJECTS.len());
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// PUTs with and without limits, and the bars for what the limits cost.
pub(crate) fn run(
    runtime: &Runtime,
    slices: Slices,
    against: Option<&Path>,
    out: &mut impl Write,
) -> io::Result<Vec<Bar>> {
    let mut gateways = vec![("", Gateway::start(runtime, Path::new(env!("CARGO_BIN_EXE_obs-gateway")))?)];
    if let Some(binary) = against {
        gateways.push((" (the other binary)", Gateway::start(runtime, binary)?));
    }
    let mut figures = vec![[const { Vec::new() }; SUBJECTS.len()]; gateways.len()];
    // One round more: the first finds nothing warm and does not count.
    for round in 0..=slices.rounds {
        let mut requests = Vec::new();
        for subject in &SUBJECTS {
            requests.push(puts(subject, round, slices.operations)?);
        }
        for at in order(round) {
            for ((_, gateway), rows) in gateways.iter_mut().zip(&mut figures) {
                let slice = gateway.slice(runtime, &requests[at])?;
                if round > 0 {
                    rows[at].push(slice);
                }
            }
        }
    }
    writeln!(
        out,
        "\nWhat limits cost a durable PUT of 1 KiB, {CONNECTION_COUNT} connections ({} rounds of {} operations a row)\n\
         {:<36} {:>8} {:>7}   {:^39}   {:^39}",
        slices.rounds, slices.operations, "", "PUT/s", "CPU µs", "ratio of PUT/s", "ratio of CPU"
    )?;
    writeln!(out, "{:<53}   {:^39}   {:^39}", "", QUARTILES, QUARTILES)?;
    for ((suffix, _), rows) in gateways.iter().zip(&figures) {
        for (subject, own) in SUBJECTS.iter().zip(rows) {
            print_row(out, &format!("{}{suffix}", subject.name), own, &rows[0])?;
        }
    }
    let [free, _, bound, whole] = &figures[0];
    let bar = |name, own: &[Figures], figure, is_floor, bound| {
        let interval = Quantiles::of(ratios(own, free, figure)).interval();
        Bar { name, found: Spread::of(ratios(own, free, figure)), interval: Some(interval), is_floor, bound, aim: None }
    };
    Ok(vec![
        bar("PUT/s with a bucket quota, without = 1", bound, rate, true, 0.97),
        bar("CPU with a bucket quota, without = 1", bound, cpu, false, 1.03),
        bar("PUT/s with every limit, without = 1", whole, rate, true, 0.97),
        bar("CPU with every limit, without = 1", whole, cpu, false, 1.03),
    ])
}

const QUARTILES: &str = "quartile – median – quartile [95 % of m.]";

fn rate(figures: &Figures) -> f64 {
    figures.rate
}

fn cpu(figures: &Figures) -> f64 {
    figures.cpu_micros
}

fn ratios<'a>(own: &'a [Figures], base: &'a [Figures], figure: fn(&Figures) -> f64) -> impl Iterator<Item = f64> + 'a {
    own.iter().zip(base).map(move |(own, base)| figure(own) / figure(base))
}

fn print_row(out: &mut impl Write, name: &str, own: &[Figures], base: &[Figures]) -> io::Result<()> {
    let median = |figure: fn(&Figures) -> f64| Spread::of(own.iter().map(figure)).map_or(0.0, |spread| spread.median);
    let show =
        |figure| if std::ptr::eq(own, base) { String::new() } else { Quantiles::of(ratios(own, base, figure)).show() };
    let (rates, cpus) = (show(rate), show(cpu));
    writeln!(out, "{name:<36} {:>8.0} {:>7.1}   {rates:^39}   {cpus:^39}", median(rate), median(cpu))?;
    out.flush()
}

/// Figures in order.
struct Quantiles(Vec<f64>);

impl Quantiles {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    fn at(&self, rank: usize) -> f64 {
        self.0.get(rank).or(self.0.last()).copied().unwrap_or(f64::NAN)
    }

    /// Holds the true median in 95 of 100 runs, whatever the distribution.
    fn interval(&self) -> (f64, f64) {
        let count = self.0.len();
        // Half the width in ranks: 1.96 standard deviations of a binomial distribution with even chances.
        let half = (count * 96 / 100).isqrt() + 1;
        (self.at((count / 2).saturating_sub(half)), self.at(count / 2 + half))
    }

    fn show(&self) -> String {
        let [lower, median, upper] = [1, 2, 3].map(|quarter| self.at(self.0.len() * quarter / 4));
        let (low, high) = self.interval();
        format!("{lower:.3} – {median:.3} – {upper:.3} [{low:.3}, {high:.3}]")
    }
}
