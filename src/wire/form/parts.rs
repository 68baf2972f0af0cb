//! A `multipart/form-data` body (RFC 7578, RFC 2046 5.1) taken apart as it arrives: data up to a boundary, wherever
//! the pieces of the body end, and the lines between. Holds one piece of the body and no more.

use std::ops::RangeInclusive;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use memchr::memmem::Finder;

use super::disposition::Disposition;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::body::RequestBody;

/// The parts of a form, one after the other.
#[derive(Debug)]
pub(super) struct Parts {
    body: RequestBody,
    /// What arrived and was not given out yet.
    buffer: Bytes,
    /// Line end, two dashes, boundary.
    delimiter: Finder<'static>,
    /// Bytes that may still come before the file, or after it.
    budget: usize,
}

impl Parts {
    /// The parts of `body`; the boundary is checked.
    pub(super) fn new(body: RequestBody, boundary: &str) -> Self {
        let delimiter = Finder::new(["\r\n--", boundary].concat().as_bytes()).into_owned();
        // A delimiter at the very beginning has no line before it.
        Self { body, buffer: Bytes::from_static(b"\r\n"), delimiter, budget: limits::FORM_FIELDS_BYTES_MAX + 2 }
    }

    /// What of the body was not read yet.
    pub(super) fn into_body(self) -> RequestBody {
        self.body
    }

    /// Passes over what stands before the first part.
    pub(super) async fn skip_data(&mut self) -> Result<()> {
        while let Some(piece) = self.data().await? {
            self.spend(piece.len())?;
        }
        Ok(())
    }

    /// The head of the part that begins here, after a delimiter; `None` where it was the last one.
    pub(super) async fn next_part(&mut self) -> Result<Option<Disposition>> {
        self.spend(self.delimiter.needle().len())?;
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(None);
        }
        let padding = self.line().await?;
        if !padding.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(malformed("A boundary does not end its line."));
        }
        let mut disposition = None;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return disposition.ok_or_else(|| malformed("A part has no Content-Disposition.")).map(Some);
            }
            let line = str::from_utf8(&line).map_err(|_| malformed("The header of a part is not UTF-8."))?;
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("The header of a part has no colon."))?;
            if name.eq_ignore_ascii_case("content-disposition") {
                disposition = Some(Disposition::parse(value)?);
            } else if name.eq_ignore_ascii_case("content-transfer-encoding") && !is_plain(value.trim()) {
                return Err(malformed("The parts of a form are not encoded (RFC 7578, 4.7)."));
            }
        }
    }

    /// The data of a part as text.
    pub(super) async fn text(&mut self) -> Result<String> {
        let mut value = Vec::new();
        while let Some(piece) = self.data().await? {
            self.spend(piece.len())?;
            value.extend_from_slice(&piece);
        }
        String::from_utf8(value).map_err(|_| malformed("A field is not UTF-8."))
    }

    /// The next piece of the data before the next delimiter, never an empty one; `None` when it was reached, and
    /// passed over.
    async fn data(&mut self) -> Result<Option<Bytes>> {
        loop {
            let delimiter_length = self.delimiter.needle().len();
            let free = match self.delimiter.find(&self.buffer) {
                Some(0) => {
                    self.buffer.advance(delimiter_length);
                    return Ok(None);
                }
                Some(at) => at,
                None => self.buffer.len() - self.held_count(),
            };
            if free > 0 {
                return Ok(Some(self.buffer.split_to(free)));
            }
            self.fill().await?;
        }
    }

    /// Bytes at the end of the buffer that may be the beginning of a delimiter.
    fn held_count(&self) -> usize {
        let delimiter = self.delimiter.needle();
        let longest = self.buffer.len().min(delimiter.len() - 1);
        (1..=longest).rev().find(|count| self.buffer.ends_with(&delimiter[..*count])).unwrap_or(0)
    }

    /// A line, without its end.
    async fn line(&mut self) -> Result<Bytes> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n") {
                self.spend(at + 2)?;
                let line = self.buffer.split_to(at);
                self.buffer.advance(2);
                return Ok(line);
            }
            if self.buffer.len() > self.budget {
                return Err(Code::MaxPostPreDataLengthExceeded.into());
            }
            self.fill().await?;
        }
    }

    fn spend(&mut self, count: usize) -> Result<()> {
        self.budget = self.budget.checked_sub(count).ok_or(Code::MaxPostPreDataLengthExceeded)?;
        Ok(())
    }

    /// Waits for more of the body.
    async fn fill(&mut self) -> Result<()> {
        let piece = self.body.next().await?.ok_or_else(|| malformed("The form ends before its last boundary."))?;
        self.buffer = if self.buffer.is_empty() {
            piece
        } else {
            let mut joined = BytesMut::with_capacity(self.buffer.len() + piece.len());
            joined.extend_from_slice(&self.buffer);
            joined.extend_from_slice(&piece);
            joined.freeze()
        };
        Ok(())
    }

    /// Reads what follows the file: fields nobody asks for. A second file is 400
    /// `IncorrectNumberOfFilesInPostRequest`.
    async fn finish(&mut self) -> Result<()> {
        self.budget = limits::FORM_FIELDS_BYTES_MAX;
        while let Some(disposition) = self.next_part().await? {
            if disposition.is_file() {
                return Err(Code::IncorrectNumberOfFiles.into());
            }
            self.skip_data().await?;
        }
        self.spend(self.buffer.len())?;
        while let Some(piece) = self.body.next().await? {
            self.spend(piece.len())?;
        }
        Ok(())
    }
}

/// The file of a form as a body of its own. It ends well only where the form does.
#[derive(Debug)]
pub struct FormFile {
    parts: Parts,
    /// How many bytes there may be.
    bytes: RangeInclusive<u64>,
    /// Bytes given out so far.
    length: u64,
    is_end: bool,
}

impl FormFile {
    /// The data that begins here.
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, bytes: 0..=u64::MAX, length: 0, is_end: false }
    }

    /// From now on a file of fewer bytes ends in 400 `EntityTooSmall`, one of more in `EntityTooLarge`.
    pub fn limit(&mut self, bytes: RangeInclusive<u64>) {
        self.bytes = bytes;
    }

    /// Whether it is known that nothing more comes.
    pub fn is_end(&self) -> bool {
        self.is_end
    }

    /// The next piece; `None` at the end. Boxed, because a body may be the file of a form in a body.
    pub fn next_piece(&mut self) -> BoxFuture<'_, Result<Option<Bytes>>> {
        async {
            if self.is_end {
                return Ok(None);
            }
            let Some(piece) = self.parts.data().await? else {
                self.parts.finish().await?;
                self.is_end = true;
                let is_enough = self.length >= *self.bytes.start();
                return if is_enough { Ok(None) } else { Err(Code::EntityTooSmall.into()) };
            };
            self.length += piece.len() as u64;
            if self.length > *self.bytes.end() {
                // Said once: what a refused client still sends is read on.
                self.bytes = 0..=u64::MAX;
                return Err(Code::EntityTooLarge.into());
            }
            Ok(Some(piece))
        }
        .boxed()
    }
}

fn is_plain(encoding: &str) -> bool {
    ["7bit", "8bit", "binary"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain))
}

pub(super) fn malformed(message: &'static str) -> Error {
    Code::MalformedPostRequest.because(message)
}
