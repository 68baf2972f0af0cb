//! [`App`]: what is open for the whole life of the process, shared by every request. No per-request state.

mod verification;

use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};

use crate::access::Policies;
use crate::auth::attempts::Attempts;
use crate::auth::token::Tokens;
use crate::blob::readers::Readers;
use crate::blob::transfer::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::limits;
use crate::meta::Store;
use crate::metrics::Metrics;
use crate::wire::address::Endpoints;
use crate::wire::dialect::Dialect;
use crate::wire::letter_case::LetterCase;
use crate::wire::request_id::RequestIds;

pub use verification::{Outcome, Run, Stage, Verification};

/// The opened parts of the gateway.
#[derive(Debug)]
pub struct App {
    /// Checked settings.
    pub config: Config,
    /// Metadata.
    pub store: Store,
    /// Object bytes.
    pub blobs: Blobs,
    /// Turns for uploads that go to segments: each holds buffers.
    pub uploads: Semaphore,
    /// Whose turn it is to get a session. The commit counts those of an account; who wait for each other need not run
    /// again for having counted at once.
    pub sessions: Mutex<()>,
    /// Who reads segments now, so that the sweep waits for them.
    pub readers: Readers,
    /// The time.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// The verification of the counters under way, and the last one.
    pub verification: Verification,
    /// Makes and reads the tokens of those who signed in.
    pub tokens: Tokens,
    /// Attempts to sign in.
    pub attempts: Attempts,
    /// Policies that were read lately.
    pub policies: Policies,
    /// Domains that requests are addressed to.
    pub endpoints: Endpoints,
    /// Source of request ids.
    pub request_ids: RequestIds,
    /// Makes HTTP/1 header names come out in the documented letter case.
    pub letter_case: LetterCase,
    obs_namespace: String,
}

/// Namespace of S3 documents.
const S3_NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

impl App {
    /// Puts the parts together. Its tokens are worth nothing to any other process.
    pub async fn new(config: Config, store: Store, blobs: Blobs, clock: Clock) -> Arc<Self> {
        Self::with_tokens(config, store, blobs, clock, Tokens::new(&Tokens::generate_key())).await
    }

    /// Puts the parts together.
    pub async fn with_tokens(config: Config, store: Store, blobs: Blobs, clock: Clock, tokens: Tokens) -> Arc<Self> {
        let domain = config.domains.first().map_or("localhost", String::as_str);
        Arc::new(Self {
            obs_namespace: format!("http://{domain}/doc/2015-06-30/"),
            endpoints: Endpoints::new(config.domains.clone()),
            request_ids: RequestIds::new(rand::random()),
            letter_case: LetterCase::harvest().await,
            uploads: Semaphore::new(limits::UPLOAD_COUNT_MAX),
            sessions: Mutex::new(()),
            readers: Readers::default(),
            metrics: Metrics::new(),
            verification: Verification::default(),
            tokens,
            attempts: Attempts::default(),
            policies: Policies::default(),
            config,
            store: store.with_clock(clock.clone()),
            blobs,
            clock,
        })
    }

    /// Namespace of the documents that answer a request.
    #[must_use]
    pub fn namespace(&self, dialect: Dialect) -> &str {
        if dialect.is_obs() { &self.obs_namespace } else { S3_NAMESPACE }
    }
}
