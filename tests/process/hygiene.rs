//! What the network may do to the gateway: bounds on heads, bodies that are refused, clients that vanish, and every
//! form of HTTP that clients speak.

mod bounds;
mod refused;
mod versions;
