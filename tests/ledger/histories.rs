//! Random histories, shrunk to the shortest that still fails: after every step everything equals the model.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::check;
use crate::step::{BUCKETS, FILES, LOCKED, Step, Who, step, step_of_locks, step_of_versions};
use crate::world::{Checked, World};

/// Runs `steps` from an empty store; at the end every body is read, and every byte of the store is accounted for.
async fn run(is_on_disk: bool, steps: &[Step]) -> Checked {
    let mut world = World::open(is_on_disk).await;
    // Most of a history would go by without a bucket otherwise.
    for bucket in [BUCKETS[0], FILES, LOCKED] {
        world.take(&Step::CreateBucket { who: Who::Owner, bucket }).await?;
    }
    for step in steps {
        world.take(step).await?;
    }
    check::bodies(&world).await?;
    if is_on_disk {
        world.reopen().await;
        check::everything(&mut world).await?;
        check::bodies(&world).await?;
    } else {
        world.settle().await;
        prop_assert_eq!(
            check::leftover_bytes(&world.gateway.app, &*world.backing().blobs, false).await,
            0,
            "bytes of nobody"
        );
        check::bodies(&world).await?;
    }
    let backing = world.backing();
    prop_assert_eq!(check::differences(&*backing.engine, &*backing.blobs, true), Vec::<String>::new());
    Ok(())
}

fn block_on(is_on_disk: bool, steps: &[Step]) -> Checked {
    let mut runtime = if is_on_disk {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    runtime.worker_threads(2).enable_all().build().expect("a runtime").block_on(run(is_on_disk, steps))
}

fn cases(share: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    // A failure prints its history; as a test of its own, it stays.
    ProptestConfig { cases: config.cases.div_ceil(share), failure_persistence: None, ..config }
}

proptest! {
    #![proptest_config(cases(2))]
    #[test]
    fn histories_of_small_bodies(steps in vec(step(false), 1..40)) {
        block_on(false, &steps)?;
    }
}

proptest! {
    #![proptest_config(cases(1))]
    #[test]
    fn histories_of_versions(steps in vec(step_of_versions(), 1..20)) {
        block_on(false, &steps)?;
    }
}

proptest! {
    #![proptest_config(cases(2))]
    #[test]
    fn histories_of_locks(steps in vec(step_of_locks(), 1..30)) {
        block_on(false, &steps)?;
    }
}

proptest! {
    #![proptest_config(cases(4))]
    #[test]
    fn histories_of_large_bodies(steps in vec(step(true), 1..40)) {
        block_on(false, &steps)?;
    }
}

proptest! {
    #![proptest_config(cases(16))]
    #[test]
    fn histories_on_disk(steps in vec(step(true), 1..30)) {
        block_on(true, &steps)?;
    }
}
