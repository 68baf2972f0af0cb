//! Protection of versions, as OBS words ask for it: retentions that only grow, holds, defaults.

use super::{Bucket, Kept, Model, Named, Outcome, Versioning, ok, refused};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// What protects a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    /// Milliseconds of Unix time; 0 is never.
    pub(crate) until: u64,
    /// `None` was never set.
    pub(crate) hold: Option<bool>,
}

impl Bucket {
    /// What a version that comes now is protected by.
    pub(super) fn default_lock(&self) -> Lock {
        let until = self.default_days.map_or(0, |days| whole_second(self.now + days * DAY));
        Lock { until, hold: None }
    }

    fn check_lockable(&self) -> Result<(), Outcome> {
        match (self.is_file_system, self.has_lock) {
            (true, _) => Err(refused(405, "FsNotSupport")),
            (false, false) => Err(refused(400, "InvalidRequest")),
            (false, true) => Ok(()),
        }
    }

    /// Whether a version may go.
    pub(super) fn check_unlocked(&self, key: &str, version: &str) -> Result<(), Outcome> {
        let found = self.keys.get(key).and_then(|versions| versions.iter().find(|kept| kept.id == version));
        let is_locked =
            |kept: &Kept| kept.object.is_some() && (kept.lock.until > self.now || kept.lock.hold == Some(true));
        if found.is_some_and(is_locked) { Err(refused(403, "AccessDenied")) } else { Ok(()) }
    }
}

impl Model {
    /// Time has come to `now`.
    pub(crate) fn tick(&mut self, now: u64) {
        self.now = now;
        self.buckets.values_mut().for_each(|bucket| bucket.now = now);
    }

    pub(crate) fn retain(&mut self, who: usize, named: Named<'_>, until: u64) -> Outcome {
        let (now, until, is_s3) = (self.now, whole_second(until), self.is_s3);
        self.lock(who, named, until > now, |lock| {
            // In S3's words it may be asked for again as it is.
            if is_s3 && lock.until > now && until < lock.until {
                return Err(refused(403, "AccessDenied"));
            }
            if !is_s3 && lock.until > now && until <= lock.until {
                return Err(refused(400, "InvalidRequest"));
            }
            lock.until = until;
            Ok(())
        })
    }

    pub(crate) fn hold(&mut self, who: usize, named: Named<'_>, is_on: bool) -> Outcome {
        self.lock(who, named, true, |lock| {
            lock.hold = Some(is_on);
            Ok(())
        })
    }

    fn lock(
        &mut self,
        who: usize,
        named: Named<'_>,
        is_future: bool,
        change: impl FnOnce(&mut Lock) -> Result<(), Outcome>,
    ) -> Outcome {
        let lock = || {
            self.admit(who, named.bucket)?.check_lockable()?;
            if !is_future {
                return Err(refused(400, if self.is_s3 { "InvalidArgument" } else { "InvalidRequest" }));
            }
            self.get(who, named)?;
            let versions = self.admit(who, named.bucket)?.keys.get_mut(named.key).expect("it was just read");
            let mut versions = versions.iter_mut();
            let kept = versions.find(|kept| named.version.is_none_or(|id| id == kept.id)).expect("it was just read");
            change(&mut kept.lock)
        };
        lock().err().unwrap_or_else(|| ok(200))
    }

    /// 0 days are no default. In S3's words a bucket that keeps versions gets object lock by it.
    pub(crate) fn set_default(&mut self, who: usize, name: &str, days: u64) -> Outcome {
        let is_s3 = self.is_s3;
        let bucket = match self.admit(who, name) {
            Err(outcome) => return outcome,
            Ok(bucket) => bucket,
        };
        if is_s3 && !bucket.is_file_system && !bucket.has_lock {
            if bucket.versioning != Versioning::Enabled {
                return refused(409, "InvalidBucketState");
            }
            bucket.has_lock = true;
        }
        if let Err(outcome) = bucket.check_lockable() {
            return outcome;
        }
        bucket.default_days = (days > 0).then_some(days);
        ok(200)
    }
}

fn whole_second(millis: u64) -> u64 {
    millis.div_ceil(1000) * 1000
}
