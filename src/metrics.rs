//! Counters and histograms of the process. Labels come from closed sets: operations, codes, outcomes. Never bucket
//! names or keys.

use std::sync::atomic::AtomicU64;

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

/// Everything `/metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Finished requests of the data listener.
    pub requests: Family<RequestLabels, Counter>,
    /// Time from head to reply, in microseconds, summed per operation and code.
    pub request_micros: Family<RequestLabels, Counter>,
    /// Open connections of all listeners.
    pub connections: Gauge,
    /// Requests whose handler panicked.
    pub panics: Counter,
    /// Bytes of segments given back by the sweep.
    pub swept_bytes: Counter,
    /// Extents the sweep could not free, to be tried again.
    pub sweep_failures: Counter,
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
            connections: Gauge::default(),
            panics: Counter::default(),
            swept_bytes: Counter::default(),
            sweep_failures: Counter::default(),
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
        registry.register("swept_bytes", "Bytes given back by the sweep", metrics.swept_bytes.clone());
        registry.register("sweep_failures", "Extents the sweep could not free", metrics.sweep_failures.clone());
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

    /// The text exposition format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
