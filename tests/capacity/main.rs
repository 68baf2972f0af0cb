//! `GET /user/capacity` and the sign-in before it, in process: real handlers over memory, a clock set by hand. The
//! vectors are those that clients of the Cloudreve API rely on.

mod answer;
mod attempts;
mod limits;
mod numbers;
mod session;
mod support;
mod tokens;
