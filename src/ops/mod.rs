//! What every operation means: one file a resource, one row an operation. `docs/adding-an-operation.md` shows how a
//! row is added.

mod announced;
mod bucket;
mod bucket_acl;
mod bucket_cors;
mod bucket_list;
mod bucket_list_v2;
mod bucket_list_versions;
mod bucket_location;
mod bucket_object_lock;
mod bucket_ownership;
mod bucket_policy;
mod bucket_public_access;
mod bucket_quota;
mod bucket_request_payment;
mod bucket_setting;
mod bucket_storage_class;
mod bucket_storage_info;
mod bucket_tagging;
mod bucket_versioning;
mod call;
mod checksum;
mod company;
mod copy_source;
mod draft;
mod file_system;
mod listing;
mod object_acl;
mod object_append;
mod object_attributes;
mod object_body;
mod object_copy;
mod object_delete;
mod object_delete_many;
mod object_edit;
mod object_get;
mod object_legal_hold;
mod object_metadata;
mod object_modify;
mod object_part;
mod object_put;
mod object_record;
mod object_rename;
mod object_reply;
mod object_restore;
mod object_retention;
mod object_tagging;
mod object_truncate;
mod op;
mod post_object;
mod preflight;
mod probe;
mod protection;
mod receive;
mod reference;
mod service_list;
mod token_service;
mod upload;
mod upload_abort;
mod upload_begin;
mod upload_checksum;
mod upload_complete;
mod upload_list;
mod upload_part;
mod upload_part_copy;
mod upload_parts;

pub use call::Call;
pub use file_system::check_bucket_kind;
pub use op::{BodyRule, Op, Pick, Scope, check_shape, find, find_call};
pub use preflight::cross_origin;
pub use reference::reference;

/// Every operation there is.
pub static TABLE: &[&Op] = &[
    &service_list::GET,
    &probe::HEAD,
    &probe::HEAD_BUCKET,
    &bucket::PUT,
    &bucket::HEAD,
    &bucket::DELETE,
    &bucket_list::GET,
    &bucket_list_v2::GET,
    &bucket_list_versions::GET,
    &bucket_location::GET,
    &bucket_quota::GET,
    &bucket_quota::PUT,
    &bucket_storage_info::GET,
    &bucket_acl::GET,
    &bucket_acl::PUT,
    &bucket_policy::GET,
    &bucket_policy::PUT,
    &bucket_policy::DELETE,
    &bucket_policy::GET_STATUS,
    &bucket_public_access::GET,
    &bucket_public_access::PUT,
    &bucket_public_access::DELETE,
    &bucket_public_access::GET_STATUS,
    &bucket_ownership::GET,
    &bucket_ownership::PUT,
    &bucket_ownership::DELETE,
    &bucket_versioning::GET,
    &bucket_versioning::PUT,
    &bucket_storage_class::GET,
    &bucket_storage_class::PUT,
    &bucket_storage_class::GET_POLICY,
    &bucket_storage_class::PUT_POLICY,
    &bucket_tagging::GET,
    &bucket_tagging::PUT,
    &bucket_tagging::DELETE,
    &bucket_cors::GET,
    &bucket_cors::PUT,
    &bucket_cors::DELETE,
    &preflight::BUCKET,
    &preflight::OBJECT,
    &bucket_request_payment::GET,
    &bucket_request_payment::PUT,
    &bucket_object_lock::GET,
    &bucket_object_lock::PUT,
    &object_put::PUT,
    &post_object::POST,
    &object_copy::PUT,
    &object_get::GET,
    &object_get::HEAD,
    &object_attributes::GET,
    &object_delete::DELETE,
    &object_delete_many::POST,
    &object_metadata::PUT,
    &object_tagging::GET,
    &object_tagging::PUT,
    &object_tagging::DELETE,
    &object_acl::GET,
    &object_acl::PUT,
    &object_retention::GET,
    &object_retention::PUT,
    &object_legal_hold::GET,
    &object_legal_hold::PUT,
    &object_restore::POST,
    &upload_begin::POST,
    &upload_part::PUT,
    &upload_part_copy::PUT,
    &upload_parts::GET,
    &upload_complete::POST,
    &upload_abort::DELETE,
    &upload_list::GET,
    &object_append::POST,
    &object_modify::PUT,
    &object_truncate::PUT,
    &object_rename::POST,
    &token_service::GET_CALLER_IDENTITY,
    &token_service::GET_SESSION_TOKEN,
    &token_service::ASSUME_ROLE,
];

/// Sub-resources that the OBS and S3 references document and no row answers yet, or no row of either buckets or
/// objects. A request that carries one where it has no row is refused; it never falls through to the plain row of its
/// method.
pub static RESERVED: &[&str] = &[
    "abac",
    "accelerate",
    "analytics",
    "annotation",
    "backtosource",
    "cdnnotifyconfiguration",
    "customdomain",
    "deletebucket",
    "directcoldaccess",
    "dispolicy",
    "encryption",
    "fileinterface",
    "getcontentsummary",
    "intelligent-tiering",
    "inventory",
    "lifecycle",
    "listcontentsummary",
    "logging",
    "metadataannotationtable",
    "metadataconfiguration",
    "metadatainventorytable",
    "metadatajournaltable",
    "metadatatable",
    "metrics",
    "mirrorbacktosource",
    "mirrorrefresh",
    "multilistcontentsummary",
    "notification",
    "obsalias",
    "obsbucketalias",
    "obscompresspolicy",
    "obsworkflowtriggerpolicy",
    "orchestration",
    "readahead",
    "renameobject",
    "replication",
    "replication_progress",
    "select",
    "session",
    "symlink",
    "torrent",
    "uploadid",
    "website",
    "x-image-process",
    "x-image-save-bucket",
    "x-image-save-object",
    "x-obs-accesslabel",
    "x-obs-qosinfo",
    "x-obs-snapshot",
    "x-obs-snapshotroot",
    "x-obs-trash",
    "x-oss-process",
    "x-workflow-execution-state",
    "x-workflow-execution-type",
    "x-workflow-graph-name",
    "x-workflow-limit",
    "x-workflow-next-marker",
    "x-workflow-prefix",
    "x-workflow-start",
    "x-workflow-template-name",
];
