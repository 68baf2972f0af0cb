//! The headers an object keeps. A plain value: `wire::headers` reads it from requests and writes it to responses,
//! `meta` stores it.

use serde::{Deserialize, Serialize};

/// Standard headers and custom metadata stored with an object and returned with it (OBS reference, "Uploading
/// Objects - PUT").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHeaders {
    /// `Content-Type`; `None` is shown as `binary/octet-stream`.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Expires`, the bytes as sent.
    pub expires: Option<String>,
    /// Custom metadata: lower-case names without `x-obs-meta-`, in order of arrival, duplicates joined with `,`.
    pub metadata: Vec<(String, String)>,
}
