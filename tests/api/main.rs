//! The gateway from outside, without a socket: request text in, reply text out, over memory stores and a clock that
//! stands still. One module a file of `src/ops`, of the same name; the others hold rules that cross operations.

mod addressing;
mod admin;
mod answer;
mod bucket;
mod bucket_list;
mod bucket_location;
mod bucket_quota;
mod bucket_storage_info;
mod connection;
mod errors;
mod gate;
mod object_delete;
mod object_get;
mod object_put;
mod probe;
mod quota;
mod reserved;
mod service_list;
mod signature;
mod signed_url;
mod support;
mod table;
mod temporary;
