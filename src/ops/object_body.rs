//! An object's bytes on their way out: the parts of an answer, cut from the body wherever it lies. Memory is a few
//! blocks, whatever the object's size.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;

use crate::app::App;
use crate::blob::readers::Reader;
use crate::blob::transfer::Download;
use crate::blob::{self, Manifest};
use crate::error::{Error, Result};
use crate::meta::{Piece, Source, Stored, slice_pieces};
use crate::wire::body::ReplyBody;

/// What goes out, in order.
pub(super) enum Part {
    /// Text of the answer's own.
    Text(Bytes),
    /// Bytes of the object, by position.
    Span(Range<u64>),
}

impl Part {
    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Span(span) => span.end - span.start,
        }
    }
}

/// A body that sends `parts` of what is stored. Its first bytes are read before this returns: a damaged block is a
/// 500, not a broken connection.
pub(super) async fn open(app: &Arc<App>, stored: Stored, parts: VecDeque<Part>, reader: Reader) -> Result<ReplyBody> {
    let length = parts.iter().map(Part::length).sum();
    let (source, steps) = match stored {
        Stored::Inline(bytes) => return Ok(ReplyBody::Full(gather(&bytes, &parts)?)),
        Stored::Segments(manifest) => (Some(Arc::new(manifest)), parts.into_iter().map(Sending::from).collect()),
        Stored::Pieces(pieces) => (None, parts.into_iter().flat_map(|part| steps(part, &pieces)).collect()),
    };
    let mut outflow = Outflow { app: Arc::clone(app), manifest: source, current: None, steps, reader };
    let first = outflow.next().await.transpose()?;
    let rest = stream::unfold(outflow, |mut outflow| async move {
        let bytes = outflow.next().await?;
        let bytes = bytes.inspect_err(|error| count_damage(&outflow.app, error));
        Some((bytes.map_err(io::Error::other), outflow))
    });
    let first = stream::iter(first.map(Ok));
    let stream = Box::pin(futures_util::StreamExt::chain(first, rest));
    Ok(ReplyBody::Stream { length, stream })
}

/// Parts of a small body.
fn gather(bytes: &Bytes, parts: &VecDeque<Part>) -> Result<Bytes> {
    if let ([Part::Span(span)], []) = parts.as_slices() {
        return cut(bytes, span);
    }
    let mut whole = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => whole.extend_from_slice(text),
            Part::Span(span) => whole.extend_from_slice(&cut(bytes, span)?),
        }
    }
    Ok(whole.into())
}

fn cut(bytes: &Bytes, span: &Range<u64>) -> Result<Bytes> {
    let start = usize::try_from(span.start).map_err(Error::internal)?;
    let end = usize::try_from(span.end).map_err(Error::internal)?;
    // The record's size and the body's length are one commit; a body that is shorter is damaged.
    let inside = start <= end && end <= bytes.len();
    if inside { Ok(bytes.slice(start..end)) } else { Err(Error::internal("a stored body is too short")) }
}

/// Counts a block that does not have its checksum; other failures of a read are not damage.
pub(super) fn count_damage(app: &App, error: &Error) {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<blob::Error>());
    if matches!(cause, Some(blob::Error::Corrupt { .. })) {
        app.metrics.corrupt_blocks.inc();
    }
}

/// What is sent next.
enum Sending {
    Text(Bytes),
    /// Of the one body there is.
    Span(Range<u64>),
    /// Of another body.
    Piece(Piece),
}

impl From<Part> for Sending {
    fn from(part: Part) -> Self {
        match part {
            Part::Text(text) => Self::Text(text),
            Part::Span(span) => Self::Span(span),
        }
    }
}

fn steps(part: Part, pieces: &[Piece]) -> Vec<Sending> {
    match part {
        Part::Text(text) => vec![Sending::Text(text)],
        Part::Span(span) => slice_pieces(pieces, span.start, span.end).into_iter().map(Sending::Piece).collect(),
    }
}

/// The parts of a large object on their way out.
struct Outflow {
    app: Arc<App>,
    /// Of an object that is one body.
    manifest: Option<Arc<Manifest>>,
    current: Option<Download>,
    steps: VecDeque<Sending>,
    /// Holds off the sweep until the last byte is out.
    #[expect(dead_code, reason = "held for its drop")]
    reader: Reader,
}

/// What a hole reads as.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

impl Outflow {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            if let Some(download) = &mut self.current {
                match download.next().await {
                    Some(Ok(bytes)) => return Some(Ok(bytes)),
                    Some(Err(error)) => {
                        tracing::error!(%error, "object bytes cannot be read");
                        return Some(Err(error.into()));
                    }
                    None => self.current = None,
                }
            }
            match self.steps.pop_front()? {
                Sending::Text(text) => return Some(Ok(text)),
                Sending::Span(span) => {
                    let manifest = self.manifest.clone().unwrap_or_default();
                    self.current = Some(self.app.blobs.read(manifest, span));
                }
                Sending::Piece(piece) => match self.begin(piece).await {
                    Ok(Some(bytes)) => return Some(Ok(bytes)),
                    Ok(None) => {}
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    /// Bytes that are there at once, or a download that gives them.
    async fn begin(&mut self, piece: Piece) -> Result<Option<Bytes>> {
        let Source::Blob { blob, body, start } = piece.source else {
            let length = piece.length.min(ZEROS.len() as u64);
            if length < piece.length {
                self.steps.push_front(Sending::Piece(piece.slice(length, piece.length - length)));
            }
            let zeros = Bytes::from_static(&ZEROS);
            return Ok(Some(zeros.slice(..usize::try_from(length).map_err(Error::internal)?)));
        };
        let span = start..start + piece.length;
        match self.app.store.read(|tx| tx.stored_at(blob, body)).await? {
            Some(Stored::Inline(bytes)) => cut(&bytes, &span).map(Some),
            Some(Stored::Segments(manifest)) => {
                self.current = Some(self.app.blobs.read(Arc::new(manifest), span));
                Ok(None)
            }
            Some(Stored::Pieces(_)) | None => Err(Error::internal("a piece of a composed body is missing")),
        }
    }
}
