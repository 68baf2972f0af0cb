//! The form of a browser upload (OBS reference, "Uploading Objects - POST"): its fields, read whole and bounded, and
//! its file, a body that ends where the next boundary begins. What the fields mean is not said here.
//!
//! Written by hand: the libraries there are read ahead as fast as a client sends, whoever may be slow to take it.

mod disposition;
mod parts;
mod request;

use hyper::header::HeaderMap;

use crate::error::{Code, Result};
use crate::limits;
use crate::wire::body::RequestBody;

pub use parts::FormFile;
use parts::Parts;

/// Refuses what is no form by its `Content-Type`, as [`Fields::read`] would.
pub fn check_type(headers: &HeaderMap) -> Result<()> {
    disposition::parse_boundary(headers).map(|_| ())
}

/// The fields of a form that stand before its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<(String, String)>,
    /// The name of the file on the sender's machine, without folders; empty if it was sent without.
    pub file_name: String,
}

impl Fields {
    /// Reads the fields of the form in `body`, and leaves its file there.
    ///
    /// Errors are 400: `RequestIsNotMultiPartContent`, `MalformedPOSTRequest`; `MaxPostPreDataLengthExceededError` for
    /// more than [`limits::FORM_FIELDS_BYTES_MAX`] bytes or [`limits::FORM_FIELD_COUNT_MAX`] fields;
    /// `IncorrectNumberOfFilesInPostRequest` where there is no file; `InvalidArgument` for a field that is there
    /// twice. A second file, and a form that breaks off, are found by whoever reads the file to its end.
    pub async fn read(headers: &HeaderMap, body: &mut RequestBody) -> Result<Self> {
        let boundary = disposition::parse_boundary(headers)?;
        let mut parts = Parts::new(std::mem::replace(body, RequestBody::empty()), &boundary);
        let read = Self::read_parts(&mut parts).await;
        // A refused request is read on, so the rest goes back.
        *body = match &read {
            Ok(_) => RequestBody::Form(Box::new(FormFile::new(parts))),
            Err(_) => parts.into_body(),
        };
        read
    }

    async fn read_parts(parts: &mut Parts) -> Result<Self> {
        let mut fields = Self::default();
        parts.skip_data().await?;
        while let Some(part) = parts.next_part().await? {
            if part.is_file() {
                let path = part.filename.unwrap_or_default();
                path.rsplit(['/', '\\']).next().unwrap_or_default().clone_into(&mut fields.file_name);
                return Ok(fields);
            }
            if fields.fields.len() >= limits::FORM_FIELD_COUNT_MAX {
                return Err(Code::MaxPostPreDataLengthExceeded.into());
            }
            if fields.get(&part.name).is_some() {
                return Err(Code::InvalidArgument.because(format!("The field {} appears twice.", part.name)));
            }
            let value = parts.text().await?;
            fields.fields.push((part.name, value));
        }
        Err(Code::IncorrectNumberOfFiles.into())
    }

    /// The value of a field; names are compared in any letter case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    }

    /// Names as sent, and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { fields, file_name: String::new() }
    }
}

#[cfg(test)]
mod tests;
