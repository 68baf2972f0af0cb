//! Changes of an object's record alone: what metadata, tags, access control lists and restores have in common.

use super::Call;
use super::object_get::find_in;
use crate::app::App;
use crate::error::{Error, Result};
use crate::meta::{Object, Tx};

/// Changes the record of the version that a request names, or else of the current object, and nothing else of it: neither
/// its bytes nor the time it was stored. `change` gives the new record; it may run again.
pub(super) async fn change_record(
    app: &App,
    call: &Call<'_>,
    change: impl Fn(&mut Tx<'_>, Object) -> Result<Object>,
) -> Result<Object> {
    let changed = app.store.write(|tx| {
        let found = find_in(tx, call)?;
        let changed = change(tx, found)?;
        rewrite_in(tx, call, &changed)?;
        Ok::<_, Error>(changed)
    });
    changed.await
}

/// Writes the changed record of an object that [`find_in`] found in the same transaction.
pub(super) fn rewrite_in(tx: &mut Tx<'_>, call: &Call<'_>, object: &Object) -> Result<()> {
    let bucket = call.bucket_in(tx)?;
    let slot = tx.slot(&bucket, call.key()?)?;
    Ok(tx.rewrite_version(slot, object)?)
}
