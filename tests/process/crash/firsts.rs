//! Objects that many try to make, each if nobody else has: who was told to be the first is, after any kill, and stays the
//! only one.

use std::sync::{Mutex, PoisonError};

use super::model::{Body, Send};
use super::uploads;
use crate::support::Request;

pub(super) const FIRST: &str = "first";
/// Clients that try for one key, before the next is tried for.
const ATTEMPT_COUNT: usize = 4;

/// One key.
#[derive(Debug, Default)]
struct First {
    attempt_count: usize,
    /// What it has for good: what somebody was told, or what was found after a kill.
    winner: Option<Body>,
    /// Somebody was told that another was first.
    is_lost: bool,
    /// Of those who were not told anything.
    open: Vec<Body>,
}

/// Every key, in the order they were tried for.
#[derive(Debug, Default)]
pub(super) struct Firsts(Mutex<Vec<First>>);

fn path(number: usize) -> String {
    format!("/{FIRST}/{number}")
}

impl Firsts {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<First>> {
        // Whoever failed meanwhile fails the test.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client is about to try; number and path of the key it tries for.
    pub(super) fn begin(&self, body: Body) -> (usize, String) {
        let mut keys = self.lock();
        if keys.last().is_none_or(|first| first.attempt_count == ATTEMPT_COUNT) {
            keys.push(First::default());
        }
        let number = keys.len() - 1;
        keys[number].attempt_count += 1;
        keys[number].open.push(body);
        (number, path(number))
    }

    /// The client was told what became of it.
    pub(super) fn settle(&self, number: usize, body: Body, verdict: (u16, &str)) {
        let first = &mut self.lock()[number];
        first.open.retain(|open| *open != body);
        match verdict {
            (200, _) => assert_eq!(first.winner.replace(body), None, "two were first at {}", path(number)),
            (412, "PreconditionFailed") => first.is_lost = true,
            other => panic!("{}: {other:?}", path(number)),
        }
    }

    /// After a kill each key has what its winner put, and nothing where there is none.
    pub(super) fn check(&mut self, send: &mut Send<'_>) {
        for (number, first) in self.lock().iter_mut().enumerate() {
            let path = path(number);
            let answer = send(&Request::get(&path));
            let open = std::mem::take(&mut first.open);
            // Nobody goes on where a kill came between.
            first.attempt_count = ATTEMPT_COUNT;
            match (answer.verdict(), first.winner) {
                ((200, _), Some(winner)) => assert!(answer.body == winner.bytes(), "{path} is not {winner:?}"),
                ((200, _), None) => {
                    first.winner = open.into_iter().find(|open| answer.body == open.bytes());
                    assert!(first.winner.is_some(), "nobody put {path}");
                }
                ((404, "NoSuchKey"), None) => assert!(!first.is_lost, "nobody was first at {path}, and somebody lost"),
                (_, winner) => panic!("{path}, {winner:?}: {answer:?}"),
            }
        }
        uploads::end(send, FIRST);
    }
}
