//! When things start and stop: runtime, listeners, background jobs, drain. Not here: paths, headers, operations.

mod listen;
mod open;
mod patience;

pub use open::{Opened, open_data_folder};

use std::io;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin;
use crate::app::App;
use crate::auth;
use crate::capacity;
use crate::config::{Config, Credentials};
use crate::error::Result;
use crate::gateway;
use crate::jobs;
use crate::limits;
use crate::wire::Peer;
use crate::wire::body::{ReplyBody, RequestBody};
use crate::wire::dialect::Dialect;

/// Threads for reads that miss the caches and for writing large bodies.
const BLOCKING_THREAD_COUNT_MAX: usize = 192;

/// Runs the gateway until SIGTERM or SIGINT, and until the requests then in flight are done.
pub fn serve(config: Config) -> io::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).map_err(io::Error::other)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.workers)
        .max_blocking_threads(BLOCKING_THREAD_COUNT_MAX)
        .enable_all()
        .build()?;
    runtime.block_on(run(config))
}

async fn run(config: Config) -> io::Result<()> {
    // Before anything else: a stop that comes during the start is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (listen, console_listen) = (config.listen, config.console_listen);
    // Both ports first: a second gateway on the same ports fails before it touches the data folder.
    let data = bind(listen, "OBS_GATEWAY_LISTEN").await?;
    let console = bind(console_listen, "OBS_GATEWAY_CONSOLE_LISTEN").await?;
    let (data_address, console_address) = (data.local_addr()?, console.local_addr()?);
    let opened = open_data_folder(config).await?;
    let app = opened.app;

    let (stop, stopping) = watch::channel(false);
    let jobs = jobs::start(&app, &stopping).await;
    let data = tokio::spawn(listen::serve(Arc::clone(&app), data, stopping.clone(), |app, request, peer| async move {
        gateway::handle(&app, request.map(RequestBody::from), Peer::plain(peer.ip())).await
    }));
    let console = tokio::spawn(listen::serve(Arc::clone(&app), console, stopping, |app, request, peer| async move {
        console_answer(&app, request.map(RequestBody::from), peer).await
    }));
    announce(&app, data_address, console_address, opened.credentials.as_ref(), opened.first_start)?;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: requests in flight have {} s", limits::DRAIN_TIMEOUT.as_secs());
    // A receiver that is gone has stopped already.
    let _ = stop.send(true);
    let _ = tokio::join!(data, console, jobs.join_all());
    app.store.engine().flush().map_err(io::Error::other)?;
    tracing::info!("stopped");
    Ok(())
}

/// The console listener's two APIs.
async fn console_answer(app: &Arc<App>, request: Request<RequestBody>, peer: SocketAddr) -> Response<ReplyBody> {
    if capacity::serves(request.uri().path()) {
        capacity::handle(app, request, peer).await
    } else {
        admin::handle(app, request, peer).await
    }
}

async fn bind(address: SocketAddr, setting: &str) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address} ({setting}): {error}")))
}

/// Tells scripts the addresses, and at the first start a person what to do next.
fn announce(
    app: &App,
    data: SocketAddr,
    console: SocketAddr,
    credentials: Option<&Credentials>,
    first_start: bool,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening data http://{data}")?;
    writeln!(out, "listening console http://{console}")?;
    if let Some(credentials) = credentials {
        let domain = app.config.domains.first().map_or("localhost", String::as_str);
        writeln!(out)?;
        writeln!(
            out,
            "endpoint    http://{domain}:{} (buckets as http://BUCKET.{domain}:{})",
            data.port(),
            data.port()
        )?;
        writeln!(out, "access key  {}", credentials.access_key)?;
        if first_start {
            writeln!(out, "secret key  {}", credentials.secret_key)?;
            if let (Some(email), Some(password)) = (&credentials.email, &credentials.password) {
                writeln!(out, "console     {email} / {password}")?;
            }
        }
        writeln!(out, "            (kept in {})", Credentials::path(&app.config.data).display())?;
        writeln!(out)?;
        writeln!(out, "make a bucket and get its quota, in another terminal:")?;
        writeln!(out)?;
        writeln!(out, "  {}", paste_line(app, data, credentials).map_err(io::Error::other)?)?;
        writeln!(out)?;
    }
    out.flush()
}

/// Seconds that the printed command can be pasted for.
const PASTE_SECONDS: u64 = 7 * 24 * 60 * 60;

/// One command that makes a bucket and prints its quota, by signed URLs.
fn paste_line(app: &App, data: SocketAddr, credentials: &Credentials) -> Result<String> {
    let domain = app.config.domains.first().map_or("localhost", String::as_str);
    // `*.localhost` is loopback in every curl; other domains may not resolve yet, so the address goes instead.
    let (host, path) = if domain.ends_with("localhost") && data.ip().is_loopback() {
        (format!("demo.{domain}:{}", data.port()), "/")
    } else {
        (data.to_string(), "/demo")
    };
    let expires = app.clock.now_seconds() + PASTE_SECONDS;
    let signed = |method: &str, target: &str| {
        let (access_key, secret_key) = (&credentials.access_key, &credentials.secret_key);
        auth::sign_url(Dialect::Obs, method, &host, target, &[], &app.endpoints, access_key, secret_key, expires)
    };
    let (put, get) = (signed("PUT", path)?, signed("GET", &format!("{path}?quota"))?);
    Ok(format!("curl -sS -X PUT 'http://{host}{put}' --next -sS 'http://{host}{get}'"))
}
