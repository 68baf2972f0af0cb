//! Samples of many rounds to a table, and the bars that the figures are held against.

use std::io::{self, Write};

/// One round of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Operations a second.
    pub(crate) rate: f64,
    /// CPU time of the server for one operation, in microseconds.
    pub(crate) cpu_micros: f64,
    /// Synced writes of the metadata log for one operation, where the server counts them.
    pub(crate) syncs: Option<f64>,
}

/// All rounds of one row.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// What was measured.
    pub(crate) name: &'static str,
    /// How many connections, or records per batch.
    pub(crate) width: usize,
    /// The row of the same part whose rounds this one's are divided by.
    pub(crate) base: Option<usize>,
    /// One a round.
    pub(crate) samples: Vec<Sample>,
}

/// Smallest, middle and largest of some figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    min: f64,
    /// Half the rounds were better, half worse.
    pub(crate) median: f64,
    max: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let median = *figures.get(figures.len() / 2)?;
        Some(Self { min: *figures.first()?, median, max: *figures.last()? })
    }

    fn show(spread: Option<Self>, digits: usize) -> String {
        spread.map_or_else(String::new, |spread| {
            format!("{:.digits$} – {:.digits$} – {:.digits$}", spread.min, spread.median, spread.max)
        })
    }
}

impl Series {
    /// Operations a second.
    pub(crate) fn rate(&self) -> Option<Spread> {
        Spread::of(self.samples.iter().map(|sample| sample.rate))
    }

    /// Server CPU for one operation, in microseconds.
    pub(crate) fn cpu_micros(&self) -> Option<Spread> {
        Spread::of(self.samples.iter().map(|sample| sample.cpu_micros))
    }

    /// Synced writes for one operation.
    pub(crate) fn syncs(&self) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(|sample| sample.syncs))
    }

    /// CPU in units of the base's, round by round.
    pub(crate) fn ratio(&self, part: &[Self]) -> Option<Spread> {
        let base = part.get(self.base?)?;
        let pairs = self.samples.iter().zip(&base.samples);
        Spread::of(pairs.map(|(own, base)| own.cpu_micros / base.cpu_micros))
    }
}

/// Prints the rows of one part.
pub(crate) fn print_part(out: &mut impl Write, title: &str, width: &str, part: &[Series]) -> io::Result<()> {
    writeln!(out, "\n{title} (smallest – median – largest of {} rounds)", part.first().map_or(0, |s| s.samples.len()))?;
    writeln!(
        out,
        "{:<34} {width:>5}  {:^29}  {:^24}  {:^18}  syncs/op",
        "", "operations/s", "server CPU µs/operation", "ratio of CPU"
    )?;
    for series in part {
        writeln!(
            out,
            "{:<34} {:>5}  {:>29}  {:>24}  {:>18}  {}",
            series.name,
            series.width,
            Spread::show(series.rate(), 0),
            Spread::show(series.cpu_micros(), 1),
            Spread::show(series.ratio(part), 2),
            series.syncs().map_or_else(String::new, |spread| format!("{:.3}", spread.median)),
        )?;
    }
    out.flush()
}

/// A bound that a figure is held against.
#[derive(Debug)]
pub(crate) struct Bar {
    /// What is bounded.
    pub(crate) name: &'static str,
    /// The figure, if it was measured.
    pub(crate) found: Option<Spread>,
    /// Where the figure may truly be, for one that noise decides: it fails where all of it is beyond the bound, and is
    /// open where the bound is within.
    pub(crate) interval: Option<(f64, f64)>,
    /// Whether the figure has to be at least the bound, rather than at most.
    pub(crate) is_floor: bool,
    /// The bound.
    pub(crate) bound: f64,
    /// Where the figure is heading.
    pub(crate) aim: Option<f64>,
}

impl Bar {
    /// Whether it holds; one that was not measured does.
    pub(crate) fn holds(&self) -> bool {
        match (self.found, self.interval) {
            (_, Some((low, high))) => self.is_within(low, self.bound) || self.is_within(high, self.bound),
            (Some(found), None) => self.is_within(found.median, self.bound),
            (None, None) => true,
        }
    }

    fn is_open(&self) -> bool {
        let is_within = |end| self.is_within(end, self.bound);
        self.interval.is_some_and(|(low, high)| is_within(low) != is_within(high))
    }

    fn is_within(&self, found: f64, bound: f64) -> bool {
        if self.is_floor { found >= bound } else { found <= bound }
    }

    /// Prints one line.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(found) = self.found else { return Ok(()) };
        let relation = if self.is_floor { "≥" } else { "≤" };
        if let (true, Some((low, high))) = (self.is_open(), self.interval) {
            let (name, median, bound) = (self.name, found.median, self.bound);
            return writeln!(out, "{name:<44} {median:>10.3} {relation} {bound:<8} open: {low:.3} to {high:.3}");
        }
        let verdict = |bound| if self.is_within(found.median, bound) { "holds" } else { "DOES NOT HOLD" };
        write!(out, "{:<44} {:>10.3} {relation} {:<8} {}", self.name, found.median, self.bound, verdict(self.bound))?;
        match self.aim {
            Some(aim) => writeln!(out, "   (aim {relation} {aim}: {})", verdict(aim)),
            None => writeln!(out),
        }
    }
}
