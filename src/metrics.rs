//! Counters and histograms of the process. Labels come from closed sets: operations, codes, outcomes. Never bucket
//! names or keys.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use foldhash::fast::RandomState;
use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Labels of a finished request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The documented name of the operation, or `none` where no operation was found.
    pub operation: &'static str,
    /// The wire name of the error code, or `OK`.
    pub code: &'static str,
}

/// The counters of one operation and code.
#[derive(Debug)]
struct RequestCounters {
    requests: Counter,
    micros: Counter,
}

impl RequestCounters {
    fn count(&self, micros: u64) {
        self.requests.inc();
        self.micros.inc_by(micros);
    }
}

/// Everything `/metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_micros: Family<RequestLabels, Counter>,
    /// The counters of the labels seen so far: one look-up a request instead of one in each family.
    seen: RwLock<HashMap<RequestLabels, RequestCounters, RandomState>>,
    /// Open connections of all listeners.
    pub connections: Gauge,
    /// Requests whose handler panicked.
    pub panics: Counter,
    /// Commits written to the metadata log.
    pub commits: Counter,
    /// Synced writes to the metadata log; each carries the commits that waited together.
    pub commit_groups: Counter,
    /// Bytes of segments given back by the sweep.
    pub swept_bytes: Counter,
    /// Extents the sweep could not free, to be tried again.
    pub sweep_failures: Counter,
    /// Events the webhook has not taken yet; 0 where there is none.
    pub events_pending: Gauge,
    /// Deliveries to the webhook that failed, to be tried again.
    pub webhook_failures: Counter,
    /// Bytes by which counters were wrong at the last verification, and were not mended.
    pub quota_drift_bytes: Gauge,
    /// How many counters these were.
    pub quota_drift_counters: Gauge,
    /// Blocks whose checksum was wrong when read.
    pub corrupt_blocks: Counter<u64, AtomicU64>,
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("obs_gateway");
        let metrics = Self {
            requests: Family::default(),
            request_micros: Family::default(),
            seen: RwLock::default(),
            connections: Gauge::default(),
            panics: Counter::default(),
            commits: Counter::default(),
            commit_groups: Counter::default(),
            swept_bytes: Counter::default(),
            sweep_failures: Counter::default(),
            events_pending: Gauge::default(),
            webhook_failures: Counter::default(),
            quota_drift_bytes: Gauge::default(),
            quota_drift_counters: Gauge::default(),
            corrupt_blocks: Counter::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Finished requests of the data listener", metrics.requests.clone());
        registry.register(
            "request_microseconds",
            "Time from head to reply, in microseconds, summed",
            metrics.request_micros.clone(),
        );
        registry.register("connections", "Open connections of all listeners", metrics.connections.clone());
        registry.register("panics", "Requests whose handler panicked", metrics.panics.clone());
        registry.register("commits", "Commits written to the metadata log", metrics.commits.clone());
        registry.register("commit_groups", "Synced writes to the metadata log", metrics.commit_groups.clone());
        registry.register("swept_bytes", "Bytes given back by the sweep", metrics.swept_bytes.clone());
        registry.register("sweep_failures", "Extents the sweep could not free", metrics.sweep_failures.clone());
        registry.register("events_pending", "Events not yet taken by the webhook", metrics.events_pending.clone());
        registry.register("webhook_failures", "Failed deliveries to the webhook", metrics.webhook_failures.clone());
        registry.register(
            "quota_drift_bytes",
            "Bytes by which usage counters are wrong, as last verified; must be 0",
            metrics.quota_drift_bytes.clone(),
        );
        registry.register(
            "quota_drift_counters",
            "Usage counters that are wrong, as last verified; must be 0",
            metrics.quota_drift_counters.clone(),
        );
        registry.register("corrupt_blocks", "Blocks whose checksum was wrong", metrics.corrupt_blocks.clone());
        Self { registry, ..metrics }
    }

    /// Counts a finished request, and the time from its head to its reply.
    pub fn count_request(&self, labels: &RequestLabels, micros: u64) {
        if let Some(counters) = self.seen.read().get(labels) {
            return counters.count(micros);
        }
        let counters = RequestCounters {
            requests: self.requests.get_or_create(labels).clone(),
            micros: self.request_micros.get_or_create(labels).clone(),
        };
        counters.count(micros);
        self.seen.write().insert(labels.clone(), counters);
    }

    /// The text exposition format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The metrics reference as Markdown; `docs/metrics.md` is this text.
#[must_use]
pub fn reference() -> String {
    let metrics = Metrics::new();
    // A family shows its labels only once it has counted something.
    let labels = RequestLabels { operation: "", code: "" };
    metrics.requests.get_or_create(&labels).inc();
    metrics.request_micros.get_or_create(&labels).inc();
    let text = metrics.render();
    let mut page = String::from(HEAD);
    for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (family, help) = line.split_once(' ').unwrap_or((line, ""));
        let kind = text.lines().find_map(|line| line.strip_prefix("# TYPE ")?.strip_prefix(family)?.strip_prefix(' '));
        let is_sample = |line: &&str| line.starts_with(family);
        let sample = text.lines().find(is_sample).and_then(|line| line.rsplit_once(' ')).map_or("", |(name, _)| name);
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let labels: Vec<String> = labels
            .trim_end_matches('}')
            .split(',')
            .filter_map(|label| label.split_once('='))
            .map(|(label, _)| format!("`{label}`"))
            .collect();
        let cells = [&format!("`{name}`"), kind.unwrap_or_default(), &labels.join(" "), help];
        page.push_str(&["| ", &cells.join(" | "), " |\n"].concat());
    }
    page
}

const HEAD: &str = "\
# Metrics

Printed from the registry in the code; a test keeps this page the same.

`GET /metrics` on the console listener answers in the text format that Prometheus reads, without a signature. Labels come
from closed sets: `operation` is a name of [operations.md](operations.md), or `none` where no operation was found; `code`
is a code of [errors.md](errors.md) in its OBS spelling, or `OK`. Names of buckets, keys and accounts are never labels.

| metric | type | labels | meaning |
|---|---|---|---|
";

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
