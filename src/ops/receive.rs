//! A body that comes in: counted against its bucket's room while it arrives, digested, and durable when it is handed
//! on. What it becomes is the operation's business.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::announced::Announced;
use crate::app::App;
use crate::blob::digest::Sums;
use crate::blob::transfer::Upload;
use crate::checksum::Checksum;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Bucket, Reservation, Stored};
use crate::quota::{Change, growth};
use crate::wire::body::RequestBody;

/// A body about to arrive.
pub(super) struct Expected<'a> {
    /// Where it is going to be held.
    pub(super) bucket: &'a Bucket,
    /// Its length in bytes where the client announced one.
    pub(super) declared: Option<u64>,
    /// Longer ones are 400 `EntityTooLarge`.
    pub(super) bytes_max: u64,
    /// What its digests must be.
    pub(super) announced: &'a Announced,
    /// What storing so many bytes changes, as far as is known before. The room held is bytes only, because an object
    /// in flight may never come to be; the commit decides.
    pub(super) change: &'a (dyn Fn(u64) -> Change + Send + Sync),
}

impl Expected<'_> {
    fn growth_bytes(&self, length: u64) -> u64 {
        u64::try_from(growth((self.change)(length)).used_bytes()).unwrap_or(0)
    }
}

/// A body that arrived whole.
pub(super) struct Received {
    /// Length in bytes.
    pub(super) size: u64,
    /// Its digest.
    pub(super) md5: [u8; 16],
    /// Its CRC-64, where the client sent one.
    pub(super) crc64: Option<u64>,
    /// Its checksum, where one was wanted.
    pub(super) checksum: Option<Checksum>,
    /// Where it is now.
    pub(super) stored: Stored,
    /// Held for it until just before the commit: between the commit and its answer it would count twice, and what
    /// fits beside it be refused. Whoever takes the room meanwhile is refused by the commit, which decides.
    pub(super) room: Option<Reservation>,
}

impl Received {
    /// Gives its space back: nothing will name it.
    pub(super) fn discard(self, app: &App) {
        discard(app, &self.stored);
    }
}

/// Gives extents back that no record will ever name.
pub(super) fn discard(app: &App, stored: &Stored) {
    let Stored::Segments(manifest) = stored else { return };
    let (store, extents) = (Arc::clone(app.blobs.store()), manifest.extents.clone());
    // What fails here is found by the sweep at the next start.
    tokio::task::spawn_blocking(move || store.free(&extents));
}

/// Whether a body of this length is kept in the metadata.
pub(super) fn is_small(length: u64) -> bool {
    length <= limits::INLINE_BODY_BYTES_MAX
}

/// Takes the whole body. What is too long is 400 `EntityTooLarge`, what is shorter than announced 400
/// `IncompleteBody`, what has other digests than announced as [`Announced::check`] says, what does not fit 403; then
/// nothing of it is left.
pub(super) async fn receive(app: &Arc<App>, body: &mut RequestBody, expected: &Expected<'_>) -> Result<Received> {
    if expected.declared.is_some_and(|length| length > expected.bytes_max) {
        return Err(Code::EntityTooLarge.into());
    }
    match expected.declared {
        Some(length) if is_small(length) => {
            // Small bodies hold no room: they are here before that would pay.
            let bytes = gather(body, usize::try_from(length).map_err(Error::internal)?).await?;
            inline(bytes, body, expected)
        }
        Some(length) => {
            let room = app.store.reserve(expected.bucket, expected.growth_bytes(length)).await?;
            let _turn = app.uploads.acquire().await.map_err(Error::internal)?;
            let mut upload = app.blobs.create_with(expected.declared, expected.announced.wanted());
            while let Some(piece) = body.next().await? {
                upload.push(piece).await?;
            }
            if upload.length() != length {
                return Err(Code::IncompleteBody.into());
            }
            finish(app, upload, body, Some(room), expected).await
        }
        None => receive_unannounced(app, body, expected).await,
    }
}

/// The whole of a small body of announced length.
async fn gather(body: &mut RequestBody, length: usize) -> Result<Bytes> {
    let Some(first) = body.next().await? else {
        return if length == 0 { Ok(Bytes::new()) } else { Err(Code::IncompleteBody.into()) };
    };
    if first.len() == length {
        // What frames a body may have more to say after its last byte.
        return match if body.is_end() { None } else { body.next().await? } {
            None => Ok(first),
            Some(_) => Err(Code::InvalidContentLength.into()),
        };
    }
    let mut whole = BytesMut::with_capacity(length);
    whole.extend_from_slice(&first);
    while let Some(piece) = body.next().await? {
        if whole.len() + piece.len() > length {
            return Err(Code::InvalidContentLength.into());
        }
        whole.extend_from_slice(&piece);
    }
    if whole.len() == length { Ok(whole.freeze()) } else { Err(Code::IncompleteBody.into()) }
}

/// A body of unknown length: counted while it arrives, cut off where it no longer fits.
async fn receive_unannounced(app: &Arc<App>, body: &mut RequestBody, expected: &Expected<'_>) -> Result<Received> {
    let mut room = app.store.reserve(expected.bucket, 0).await?;
    let mut small = BytesMut::new();
    let mut upload: Option<Upload> = None;
    let mut turn = None;
    let mut size = 0;
    while let Some(piece) = body.next().await? {
        size += piece.len() as u64;
        if size > expected.bytes_max {
            return Err(Code::EntityTooLarge.into());
        }
        // A body that may still be small holds no room, as one whose length is known to be.
        if !is_small(size) {
            hold(app, &mut room, expected.growth_bytes(size)).await?;
        }
        match &mut upload {
            Some(upload) => upload.push(piece).await?,
            None if is_small(size) => small.extend_from_slice(&piece),
            None => {
                turn = Some(app.uploads.acquire().await.map_err(Error::internal)?);
                let mut begun = app.blobs.create_with(None, expected.announced.wanted());
                begun.push(std::mem::take(&mut small).freeze()).await?;
                begun.push(piece).await?;
                upload = Some(begun);
            }
        }
    }
    let received = match upload {
        Some(upload) => finish(app, upload, body, Some(room), expected).await,
        None => inline(small.freeze(), body, expected),
    };
    drop(turn);
    received
}

/// Extends the room held to `growth_bytes`: what has arrived and no more, so that what fits beside it is accepted.
async fn hold(app: &App, room: &mut Reservation, growth_bytes: u64) -> Result<()> {
    match growth_bytes.saturating_sub(room.held_bytes()) {
        0 => Ok(()),
        missing => Ok(room.extend(&app.store, missing).await?),
    }
}

fn inline(bytes: Bytes, body: &RequestBody, expected: &Expected<'_>) -> Result<Received> {
    let sums = Sums::of(&bytes, expected.announced.wanted());
    check(&sums, body, expected)?;
    let (size, stored) = (bytes.len() as u64, Stored::Inline(bytes));
    Ok(Received { size, md5: sums.md5, crc64: sums.crc64, checksum: sums.checksum, stored, room: None })
}

async fn finish(
    app: &App,
    upload: Upload,
    body: &RequestBody,
    room: Option<Reservation>,
    expected: &Expected<'_>,
) -> Result<Received> {
    let size = upload.length();
    let (manifest, sums) = upload.finish().await?;
    let checked = check(&sums, body, expected);
    let Sums { md5, crc64, checksum, .. } = sums;
    let received = Received { size, md5, crc64, checksum, stored: Stored::Segments(manifest), room };
    match checked {
        Ok(()) => Ok(received),
        Err(error) => {
            received.discard(app);
            Err(error)
        }
    }
}

/// Holds the digests of a body that ended against those announced before it and behind it.
fn check(sums: &Sums, body: &RequestBody, expected: &Expected<'_>) -> Result<()> {
    let trailer = expected.announced.trailer().and_then(|name| body.trailer(name));
    expected.announced.check(sums, trailer)
}
