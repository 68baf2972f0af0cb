//! What `make bench` runs: the gateway beside a bare hyper service and beside RocksDB by itself, in one run, over
//! loopback. Every server is a process of its own, so that CPU per operation is the server's alone.
//!
//! Options: `--check` fails when a bar does not hold, `--quick` only shows that everything runs, `--against=BINARY`
//! measures another build of the gateway beside this one, and the words `quota`, `put`, `limits` and `sizes` choose
//! parts. `limits` named takes more rounds.
//! `docs/performance.md` says what the figures mean.

mod bare;
mod client;
mod limits;
mod parts;
mod process;
mod raw;
mod report;
mod requests;
mod rounds;

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::limits::Slices;
use crate::report::Bar;
use crate::rounds::Effort;

/// The gateway's, for the servers it is compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", body_bytes] => bare::serve(body_bytes.parse()?)?,
        ["raw", folder] => raw::work(Path::new(folder))?,
        _ => return Ok(run(&words)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the chosen parts, all where none is named.
fn run(words: &[String]) -> io::Result<ExitCode> {
    let has = |word: &str| words.iter().any(|given| given == word);
    let is_all = !["quota", "put", "limits", "sizes", "dialects"].into_iter().any(has);
    let effort = |rounds, millis| {
        let (rounds, millis) = if has("--quick") { (2, 100) } else { (rounds, millis) };
        Effort { rounds, time: Duration::from_millis(millis) }
    };
    let against = words.iter().find_map(|word| word.strip_prefix("--against=")).map(Path::new);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = io::stdout();
    let mut bars: Vec<Bar> = Vec::new();
    if is_all || has("quota") {
        bars.extend(parts::quota(&runtime, effort(9, 700), against, &mut out)?);
    }
    if is_all || has("put") {
        bars.extend(parts::put(&runtime, effort(7, 800), against, &mut out)?);
    }
    if is_all || has("limits") {
        let slices = match (has("--quick"), has("limits")) {
            (true, _) => Slices { rounds: 4, operations: 200 },
            (false, true) => Slices { rounds: 250, operations: 2000 },
            (false, false) => Slices { rounds: 100, operations: 2000 },
        };
        bars.extend(limits::run(&runtime, slices, against, &mut out)?);
    }
    if is_all || has("sizes") {
        parts::sizes(&runtime, effort(5, 600), against, &mut out)?;
    }
    if is_all || has("dialects") {
        parts::dialects(&runtime, effort(9, 600), against, &mut out)?;
    }
    writeln!(out)?;
    for bar in &bars {
        bar.print(&mut out)?;
    }
    let holds = bars.iter().all(Bar::holds);
    Ok(if has("--check") && !holds { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
