//! The roof: builds the rooms in order, connects them and ends them in order. The only room that starts tasks.
//!
//! Start: configuration checked -> sockets open -> HTTP bound -> privileges dropped -> store open -> inventory in the state -> jobs started,
//! spread over their interval -> ready. Stop: no new jobs -> observations drained -> store flushed, with a deadline.

mod ask;
mod discovery;
mod event_log;
mod heartbeats;
mod on_demand;
mod outbound;
mod outbox;
mod process;
mod record;
mod reload;
mod schedule;
mod stop;
mod uplink;
mod watch;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{broadcast, mpsc, oneshot, watch as latest};

use crate::api::{self, App, ReportAuth};
use crate::config::{Loaded, Problem};
use crate::metrics;
use crate::net::{
    Opened, Pinger, Privileges, Resolver, claim_net_raw, drop_privileges, open_files_limit, raise_open_files_limit,
    settle_memory, wall_clock,
};
use crate::serve::{self, Guard, Server};
use crate::state::{ReloadState, State};
use crate::store::{self, Store, StoreError};
use crate::targets::Diff;

use ask::Ask;
use discovery::Discoverer;
use outbox::Outbox;
use record::Vitals;
use schedule::Scheduler;
use stop::{Running, Signals};

pub use reload::Place;

/// Batches of observations that may wait for the state: some ten seconds' worth.
const BATCHES: usize = 2048;
/// Listeners to events at once.
const LISTENERS: usize = 64;
/// Events that a slow listener may lag behind; past it, it has to ask again from where it was.
const EVENTS: usize = 1024;
/// How long who asks for the audit waits for changes that are not on disk yet.
const AUDIT_FLUSH: Duration = Duration::from_secs(2);
/// HTTP connections at once; a scraper needs one.
const MOST_CONNECTIONS: usize = 2048;
/// Open files that are not HTTP connections.
const FILES_OF_OTHERS: usize = 512;
/// A small echo reply takes this much of the receive buffer, in bytes.
const BYTES_PER_REPLY: usize = 768;

/// What the daemon is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration.
    pub place: Place,
    /// The database file.
    pub storage: PathBuf,
    /// Where to listen.
    pub listen: Vec<String>,
    /// The web configuration, as exporter-toolkit has it.
    pub web: Option<PathBuf>,
}

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration has problems: exit code 64.
    #[error("the configuration has {} problem(s)", .0.len())]
    Config(Vec<Problem>),
    /// The database was refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] serve::BindError),
    /// The system lacks something basic.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// Why it did not start. Once it runs, nothing ends it but a signal.
pub fn run(options: &Options) -> Result<(), StartError> {
    let mut loaded = options.place.load();
    if let Err(problems) = &mut loaded.result {
        return Err(StartError::Config(std::mem::take(problems)));
    }
    settle_memory();
    raise_open_files_limit();
    let web = Arc::new(serve::Web::open(options.web.as_deref()).map_err(StartError::Config)?);
    claim_net_raw();
    // Echo requests live on one thread of their own (see net::Pinger); nothing else may delay them.
    let prober = runtime::Builder::new_current_thread().enable_all().build()?;
    let (pinger, opened) = {
        let _inside = prober.enter();
        Pinger::open()
    };
    let listeners = options
        .listen
        .iter()
        .map(|address| serve::bind(address))
        .collect::<Result<Vec<_>, _>>()?;
    let sockets = describe(&opened, &loaded);
    // Before the first thread starts: privileges are a thread's, and new threads have those of the one that starts them.
    confine_to(options, &loaded, &web);
    let (store, stored) = store::open(&options.storage)?;
    let others = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut state = State::restore(stored.devices);
    // Past every id that an inventory which cannot be read now may hold.
    let seed = wall_clock().micros() / 1000;
    state.restore_inventory(stored.inventory, seed);
    state.restore_outages(stored.outages);
    state.restore_walks(stored.walks);
    let parts = Parts {
        loaded,
        store,
        state,
        pinger,
        sockets,
        listeners,
        web,
    };
    others.block_on(live(options, parts, prober))?;
    // What still runs there is a lookup at a dead DNS server: nobody waits for it any more.
    others.shutdown_background();
    Ok(())
}

/// Gives up every privilege but raw sockets, and access to files of others where the configuration or the store needs it.
fn confine_to(options: &Options, loaded: &Loaded, web: &serve::Web) {
    let mut reads = [loaded.files.clone(), loaded.directories.clone(), web.files()].concat();
    reads.extend(loaded.result.iter().flat_map(|config| config.api.files()));
    let existing = |path: &std::path::Path| {
        path.ancestors()
            .find(|path| path.exists())
            .map(std::path::Path::to_owned)
    };
    let directory = std::path::absolute(&options.storage).unwrap_or_default();
    let writes: Vec<PathBuf> = directory.parent().and_then(existing).into_iter().collect();
    let writes = [
        writes,
        Vec::from_iter(options.storage.exists().then(|| options.storage.clone())),
    ]
    .concat();
    match drop_privileges(&reads, &writes) {
        Ok(Privileges { names, because: None }) => tracing::debug!(capabilities = names, "privileges given up"),
        Ok(Privileges {
            names,
            because: Some(path),
        }) => tracing::warn!(
            capabilities = names,
            path = %path.display(),
            "this file belongs to somebody else, so the right to access others' files is kept; better run lanpulse as \
             its owner, or give it to the user lanpulse runs as"
        ),
        Err(error) => tracing::warn!(%error, "cannot give up privileges that are not needed"),
    }
}

/// What was opened before anything runs.
struct Parts {
    loaded: Loaded,
    store: Store,
    state: State,
    pinger: Pinger,
    sockets: Arc<[String]>,
    listeners: Vec<TcpListener>,
    web: Arc<serve::Web>,
}

async fn live(options: &Options, parts: Parts, prober: runtime::Runtime) -> Result<(), StartError> {
    let Parts {
        loaded,
        store,
        state,
        pinger,
        sockets,
        listeners,
        web,
    } = parts;
    let (batch, batches) = mpsc::channel(BATCHES);
    let (asks, ask_inbox) = mpsc::channel::<Ask>(64);
    let (changes, change_inbox) = mpsc::channel::<Diff>(4);
    let (reload_requests, reload_inbox) = mpsc::channel(16);
    let (outbound, outbound_now) = latest::channel(None);
    let (series, series_now) = latest::channel(Arc::new(metrics::Settings::default()));
    let (api, api_now) = latest::channel(Arc::new(serve::Settings::default()));
    let (modules, modules_now) = latest::channel(Arc::default());
    let (gateway_pace, gateway_pace_now) = latest::channel(None);
    let (pings, ping_inbox) = mpsc::channel(64);
    let (ready, ready_now) = latest::channel(false);
    let (stop, stopping) = latest::channel(false);
    let (plan, plan_now) = latest::channel(Arc::new(discovery::Plan::default()));
    let (scans, scan_inbox) = mpsc::channel(16);
    let (discovered, discovered_inbox) = mpsc::channel(1);
    let (events, _) = broadcast::channel(EVENTS);
    let outbox = Arc::new(Outbox::new(batch));
    let over_limit = Arc::new(AtomicU64::new(0));
    let file = options.place.path.display().to_string().into();
    let (keeper, directory) = heartbeats::start(store.clone());
    let auth = Arc::new(ReportAuth::new(directory));
    let vitals = Arc::new(Vitals {
        started: process::start_time(),
        reload: Mutex::new(ReloadState {
            file,
            ..ReloadState::default()
        }),
        web: web.clone(),
        outbox: outbox.clone(),
        series_over_limit: over_limit.clone(),
        sockets,
        store: store.clone(),
        events: events.clone(),
        auth: auth.clone(),
    });
    let signals = Signals::open()?;

    let recorder = tokio::spawn(record::run(state, keeper, vitals.clone(), batches, ask_inbox));
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
    }
    let app = App {
        snapshots: snapshots(asks.clone()),
        probes: on_demand::probes(modules_now, pings),
        reloads: reload_requests.clone(),
        series: series_now,
        ready: ready_now,
        series_over_limit: over_limit,
        renderings: api::Renderings::default(),
        discovery: scans,
        events,
        listeners: Arc::new(tokio::sync::Semaphore::new(LISTENERS)),
        audits: audits(asks.clone(), store.clone()),
        heartbeats: heartbeats::app(auth, asks.clone(), store.clone()),
    };
    let server = Server {
        state: Arc::new(app),
        routes: api::ROUTES,
        guard: Guard::new(web, api_now),
    };
    let server = tokio::spawn(serve::serve(listeners, server, stopping, places()));
    let scheduler = Scheduler::new(pinger, Resolver::new(), runtime::Handle::current(), outbox);
    let probing = std::thread::Builder::new().name("prober".into()).spawn(move || {
        prober.spawn(on_demand::run(scheduler.echo(), ping_inbox));
        prober.block_on(scheduler.run(change_inbox));
        prober.shutdown_background();
    })?;

    let uplink = tokio::spawn(uplink::run(asks.clone(), changes.clone(), gateway_pace_now));
    let directories = loaded.directories.clone();
    let (place, asking) = (options.place.clone(), asks.clone());
    let mut reloader = reload::Reloader {
        place,
        asks: asking,
        changes,
        series,
        api,
        pace: gateway_pace,
        modules,
        outbound,
        vitals,
        jobs: Vec::new(),
        digest: 0,
        config: None,
        plan,
    };
    let _ = reloader.start(loaded).await;
    ready.send_replace(true);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
    let reloading = tokio::spawn(reloader.run(reload_inbox, discovered_inbox, directories));
    let discovering = tokio::spawn(Discoverer::run(plan_now, asks.clone(), discovered, scan_inbox));
    let reporting = tokio::spawn(outbound::run(outbound_now, asks.clone()));

    let running = Running {
        uplink,
        reporting,
        reloading,
        discovering,
        probing,
        server,
        recorder,
    };
    signals.end(&reload_requests).await;
    tracing::info!("stopping");
    ready.send_replace(false);
    stop.send_replace(true);
    running.end(&asks, &store).await;
    Ok(())
}

/// How many HTTP connections there may be: what the limit on open files leaves after all else, and not more than needed.
fn places() -> usize {
    let files = usize::try_from(open_files_limit()).unwrap_or(usize::MAX);
    files.saturating_sub(FILES_OF_OTHERS).clamp(32, MOST_CONNECTIONS)
}

/// How the API reads who changed what: what is on its way to the disk first.
fn audits(asks: mpsc::Sender<Ask>, store: Store) -> api::Audits {
    Box::new(move |query, answer| {
        let (asks, store) = (asks.clone(), store.clone());
        Box::pin(async move {
            // Whoever changes something is answered a moment before the store has it: the recorder's turn is over now.
            let (turn, over) = oneshot::channel();
            let _ = asks.send(Ask::Known(turn)).await;
            let _ = over.await;
            let read = move || {
                let _ = store.flush(AUDIT_FLUSH);
                store.audit(query.device, query.before, query.most)
            };
            match tokio::task::spawn_blocking(read).await {
                Ok(Ok(rows)) => drop(answer.send(rows)),
                Ok(Err(error)) => tracing::warn!(%error, "cannot read the audit"),
                Err(_) => {}
            }
        })
    })
}

/// How the API gets a snapshot.
fn snapshots(asks: mpsc::Sender<Ask>) -> api::Snapshots {
    Box::new(move |answer| {
        let asks = asks.clone();
        Box::pin(async move {
            let _ = asks.send(Ask::Snapshot(answer)).await;
        })
    })
}

/// Says in the log and for the landing page what kind of sockets there are and whether they suffice.
fn describe(opened: &[Opened], loaded: &Loaded) -> Arc<[String]> {
    let targets = loaded.result.as_ref().map_or(0, |config| config.targets.len());
    let describe = |opened: &Opened| match &opened.socket {
        Ok((kind, buffer)) => {
            let family = opened.family;
            tracing::info!(
                family,
                socket = kind.as_str(),
                receive_buffer_bytes = buffer,
                "ICMP socket open"
            );
            if targets * BYTES_PER_REPLY > *buffer {
                tracing::warn!(
                    family,
                    receive_buffer_bytes = buffer,
                    needed_bytes = targets * BYTES_PER_REPLY,
                    "the receive buffer is too small for replies of all targets at once: raise net.core.rmem_max or \
                     give CAP_NET_ADMIN"
                );
            }
            format!(
                "{family}: {} socket, receive buffer {} KiB",
                kind.as_str(),
                buffer / 1024
            )
        }
        Err(advice) => {
            tracing::warn!(family = opened.family, "cannot ping: {advice}");
            format!("{}: cannot ping: {advice}", opened.family)
        }
    };
    opened.iter().map(describe).collect()
}
