//! What the settings of buckets that are documents of their own have in common: how one is removed.

use std::sync::Arc;

use hyper::StatusCode;

use super::Call;
use crate::app::App;
use crate::error::{Error, Result};
use crate::meta::Setting;
use crate::wire::Reply;

/// Removes a setting; one that is not there is as good as removed.
pub(super) async fn delete_setting(app: &Arc<App>, call: &Call<'_>, setting: Setting) -> Result<Reply> {
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.delete_setting(&mut bucket, setting)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
