//! The proof that the numbers are true: random histories against a model that sums, every call of the stores failing
//! in its turn, and tasks that race. `PROPTEST_CASES` makes the histories more.

mod check;
mod contests;
mod faults;
mod histories;
mod late;
mod model;
mod races;
mod requests;
mod step;
#[path = "../support/mod.rs"]
mod support;
mod torn;
mod world;
