//! The real process under `kill -9` at random moments: what was acknowledged is there, what was deleted is gone,
//! counters are the sums, and an operation nobody heard the end of has happened or has not.
//!
//! `OBS_GATEWAY_KILL_ROUNDS` sets the number of kills, `OBS_GATEWAY_KILL_SEED` repeats a run's choices.

#![expect(clippy::disallowed_methods, reason = "reads how long and how to run; not a setting of the gateway")]

mod firsts;
mod model;
mod uploads;
mod versions;
mod worker;

use std::fmt::Display;
use std::process::Stdio;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{Folder, Gateway, Request};
use firsts::FIRST;
use model::{BUCKETS, TIGHT_BYTES, World};
use versions::VERSIONED;
use worker::Worker;

const ROUND_COUNT: usize = 50;
const WORKER_COUNT: usize = 4;
/// Acknowledgements before a kill, at most; few enough that the first operations after a start are hit often.
const ACK_COUNT_MAX: usize = 120;
/// Rounds between two checks of the stopped store.
const FSCK_INTERVAL: usize = 10;

/// What the variable says, else `fallback`.
fn chosen<T: FromStr<Err: Display>>(variable: &str, fallback: T) -> T {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")),
        Err(_) => fallback,
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_counters_stay_sums() {
    let rounds = chosen("OBS_GATEWAY_KILL_ROUNDS", ROUND_COUNT);
    let seed = chosen("OBS_GATEWAY_KILL_SEED", rand::random::<u64>());
    println!("OBS_GATEWAY_KILL_ROUNDS={rounds} OBS_GATEWAY_KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = Folder::new();
    let mut gateway = folder.start();
    let mut world = World::new(&folder.keys(), WORKER_COUNT);
    for bucket in BUCKETS.into_iter().chain([FIRST]) {
        gateway.done(&Request::put(&format!("/{bucket}"), "").signed(world.keys()));
    }
    gateway.done(&Request::put_quota(BUCKETS[0], TIGHT_BYTES).signed(world.keys()));
    gateway.done(&Request::put(&format!("/{VERSIONED}"), "").signed(world.keys()));
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.done(&Request::put(&format!("/{VERSIONED}?versioning"), enabled).signed(world.keys()));

    for round in 1..=rounds {
        work_until_killed(gateway, &mut world, &mut random);
        if round % FSCK_INTERVAL == 0 {
            // Straight after the kill: nothing has tidied up before.
            folder.run(&["fsck", "--data", "data"]).done();
        }
        if random.random_ratio(1, 5) {
            start_and_kill(&folder, &mut random);
        }
        gateway = folder.start();
        world.check(&gateway);
    }
    println!("{} operations were cut off; {} of them had happened", world.cut_off, world.happened);
    gateway.stop();
    folder.run(&["fsck", "--data", "data"]).done();
    let gateway = folder.start();
    world.check(&gateway);
    gateway.stop();
}

/// Lets all workers at the gateway, and kills it after a random number of acknowledgements and a random moment.
fn work_until_killed(gateway: Gateway, world: &mut World, random: &mut StdRng) {
    let acks = random.random_range(0..=ACK_COUNT_MAX);
    let moment = Duration::from_micros(random.random_range(0..3000));
    let killed = AtomicBool::new(false);
    let address = gateway.data;
    std::thread::scope(|scope| {
        let (acknowledge, acknowledged) = mpsc::channel();
        let (slots_by_worker, firsts) = world.shared_out();
        for slots in slots_by_worker {
            let (seed, acknowledge) = (random.random(), acknowledge.clone());
            let worker = Worker { seed, slots, firsts, acknowledge, killed: &killed };
            scope.spawn(move || worker.run(address));
        }
        drop(acknowledge);
        // Ends early only where a worker has failed, which the scope then tells.
        let _ = acknowledged.iter().take(acks).count();
        // The random moment itself; nobody waits for this.
        std::thread::sleep(moment);
        killed.store(true, Ordering::SeqCst);
        gateway.kill();
    });
}

/// A process killed while it starts, wherever it is by then.
fn start_and_kill(folder: &Folder, random: &mut StdRng) {
    let mut child = folder.serve().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_micros(random.random_range(0..100_000)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_first_start_that_was_killed_is_made_good_by_the_next() {
    let mut random = StdRng::seed_from_u64(chosen("OBS_GATEWAY_KILL_SEED", rand::random::<u64>()));
    let folder = Folder::new();
    for _ in 0..8 {
        start_and_kill(&folder, &mut random);
    }
    let gateway = folder.start();
    assert_eq!(gateway.ask(&Request::get("/").signed(&folder.keys())).status, 200, "the credentials are good");
    gateway.stop();
}
