//! The gateway from outside, without a socket: request text in, reply text out, over memory stores and a clock that
//! stands still. One module a file of `src/ops`, of the same name; the others hold rules that cross operations.

mod access;
mod addressing;
mod admin;
mod answer;
mod bucket;
mod bucket_acl;
mod bucket_cors;
mod bucket_list;
mod bucket_location;
mod bucket_policy;
mod bucket_quota;
mod bucket_request_payment;
mod bucket_storage_class;
mod bucket_storage_info;
mod bucket_tagging;
mod bucket_versioning;
mod connection;
mod errors;
mod gate;
mod object_delete;
mod object_get;
mod object_put;
mod preflight;
mod probe;
mod quota;
mod reserved;
mod service_list;
mod signature;
mod support;
mod table;
mod upload;
mod upload_complete;
