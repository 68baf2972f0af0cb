//! The `aws-chunked` framing in which S3's clients send bodies whose digest they do not know yet: chunks, signed or not, and
//! a trailer with checksums (S3 reference, "Transferring Payload in Multiple Chunks"). It lies inside HTTP's own framing,
//! which is undone already.
//!
//! Not here: what a trailer means, and whose key signs the chunks.

mod chain;
mod decoder;
mod framing;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub use chain::Chain;
pub use decoder::Decoder;
pub(in crate::wire) use framing::decoded_length;
pub use framing::{Framing, Plan, declared_trailers};

use crate::error::Result;
use crate::wire::body::RequestBody;

/// A body whose framing is taken off as it is read. It ends well only where the framing does.
#[derive(Debug)]
pub struct ChunkedBody {
    body: RequestBody,
    /// What arrived and was not decoded yet.
    input: Bytes,
    decoder: Decoder,
    is_begun: bool,
    is_end: bool,
}

impl ChunkedBody {
    /// What comes through `decoder` from `body`.
    pub fn new(body: RequestBody, decoder: Decoder) -> Self {
        Self { body, input: Bytes::new(), decoder, is_begun: false, is_end: false }
    }

    /// Whether anything was asked for: a client that waits to be told so has sent nothing before.
    pub fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Whether the end was reached, and all was well.
    pub fn is_end(&self) -> bool {
        self.is_end
    }

    /// Bytes of data still to come.
    pub fn length(&self) -> u64 {
        self.decoder.missing_bytes()
    }

    /// The value of a trailer, by its name in lower case; none before the end.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        let mut trailers = self.decoder.trailers().iter().filter(|_| self.is_end);
        trailers.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What of the body was not read yet, as it comes.
    pub fn into_body(self) -> RequestBody {
        self.body
    }

    /// The next piece of data; `None` at the end. Errors are those of [`Decoder`]. Boxed, because a body is in a body.
    pub fn next_piece(&mut self) -> BoxFuture<'_, Result<Option<Bytes>>> {
        async {
            while !self.is_end {
                if let Some(piece) = self.decoder.decode(&mut self.input)? {
                    return Ok(Some(piece));
                }
                self.is_begun = true;
                match self.body.next().await? {
                    Some(input) => self.input = input,
                    None => {
                        self.decoder.finish()?;
                        self.is_end = true;
                    }
                }
            }
            Ok(None)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
