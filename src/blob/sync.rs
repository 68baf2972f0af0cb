//! One `fdatasync` for everybody who waits: a writer that finished joins the next sync to begin, and the first of
//! them leads it. Not here: files; the caller brings the call.

use std::io;

use parking_lot::{Condvar, Mutex};

/// The syncs of one file. The first that fails is the last: what the kernel then dropped nobody can tell, so every
/// later call fails too.
#[derive(Debug, Default)]
pub(super) struct GroupSync {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Syncs begun; they run one after the other.
    begun_count: u64,
    /// Syncs that ended well.
    done_count: u64,
    running: bool,
    waiter_count: usize,
    failure: Option<io::ErrorKind>,
}

impl GroupSync {
    /// Returns once a sync that began after this call has ended, which either this caller ran or another.
    /// `sync` must not panic.
    pub(super) fn wait(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock();
        // The one that may be running began before; only the one after it is known to see our bytes.
        let target = state.begun_count + 1;
        loop {
            if state.done_count >= target {
                return Ok(());
            }
            if let Some(kind) = state.failure {
                return Err(spoiled(kind));
            }
            if !state.running {
                break;
            }
            state.waiter_count += 1;
            self.changed.wait(&mut state);
            state.waiter_count -= 1;
        }
        state.running = true;
        state.begun_count += 1;
        drop(state);

        let outcome = sync();

        let mut state = self.state.lock();
        state.running = false;
        match &outcome {
            Ok(()) => state.done_count = state.begun_count,
            Err(error) => state.failure = Some(error.kind()),
        }
        self.changed.notify_all();
        outcome
    }

    /// Fails if a sync has failed: nothing may be written any more.
    pub(super) fn check(&self) -> io::Result<()> {
        self.state.lock().failure.map_or(Ok(()), |kind| Err(spoiled(kind)))
    }

    /// Callers that wait for another's sync.
    #[cfg(test)]
    pub(super) fn waiter_count(&self) -> usize {
        self.state.lock().waiter_count
    }
}

fn spoiled(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "an earlier sync of this segment failed")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;

    const WAITER_COUNT: usize = 8;

    /// One sync runs while eight more callers arrive; returns what the first and the eight got, and the calls made.
    fn run(second: fn() -> io::Result<()>) -> (io::Result<()>, Vec<io::Result<()>>, usize) {
        let group = Arc::new(GroupSync::default());
        let call_count = Arc::new(AtomicUsize::new(0));
        let (begun, wait_begun) = mpsc::channel();
        let (release, wait_release) = mpsc::channel();
        let first = thread::spawn({
            let group = Arc::clone(&group);
            move || {
                group.wait(|| {
                    begun.send(()).unwrap();
                    wait_release.recv().unwrap();
                    Ok(())
                })
            }
        });
        wait_begun.recv().unwrap();
        let others: Vec<_> = (0..WAITER_COUNT)
            .map(|_| {
                let (group, call_count) = (Arc::clone(&group), Arc::clone(&call_count));
                thread::spawn(move || {
                    group.wait(|| {
                        call_count.fetch_add(1, Ordering::SeqCst);
                        second()
                    })
                })
            })
            .collect();
        while group.waiter_count() < WAITER_COUNT {
            thread::yield_now();
        }
        release.send(()).unwrap();
        let first = first.join().unwrap();
        let others = others.into_iter().map(|other| other.join().unwrap()).collect();
        (first, others, call_count.load(Ordering::SeqCst))
    }

    #[test]
    fn everybody_who_waits_shares_the_next_sync() {
        let (first, others, call_count) = run(|| Ok(()));
        assert!(first.is_ok());
        assert!(others.iter().all(Result::is_ok));
        assert_eq!(call_count, 1);
    }

    #[test]
    fn a_failure_reaches_all_who_wait_and_none_who_were_served() {
        let (first, others, call_count) = run(|| Err(io::ErrorKind::StorageFull.into()));
        assert!(first.is_ok());
        assert!(others.iter().all(|other| other.as_ref().unwrap_err().kind() == io::ErrorKind::StorageFull));
        assert_eq!(call_count, 1, "a failed sync is not tried again");
    }

    #[test]
    fn a_failure_is_for_ever() {
        let group = GroupSync::default();
        assert!(group.check().is_ok());
        assert!(group.wait(|| Err(io::Error::other("broken"))).is_err());
        assert!(group.check().is_err());
        assert!(group.wait(|| panic!("not called")).is_err());
    }

    #[test]
    fn a_sync_serves_only_who_came_before_it() {
        let group = GroupSync::default();
        let mut count = 0;
        for _ in 0..3 {
            group
                .wait(|| {
                    count += 1;
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(count, 3);
    }
}
