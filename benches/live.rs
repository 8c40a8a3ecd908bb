//! Many clients connected to one server, on loopback: how long a change takes from being sent until
//! everybody has it.
//!
//! `cargo xtask bench --live [--clients 2000] [--rate 10] [--seconds 20] [--limit-ms 200] [--json]`
//!
//! The server is a process of its own, with its database in a file. Every second change goes by
//! HTTP, the others over the channel. Fails when a change doesn't reach everybody, or when one
//! delivery in a hundred takes longer than the limit. `receipt_ms` counts from the sending of a
//! change, its commit to the disk included; `told_ms` from the answer to its sender.

use std::io::Write as _;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use syncline_server::{Options, Server};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// How long all connections may take together.
const CONNECT_TIME: Duration = Duration::from_secs(120);

/// How long the last change may take to arrive everywhere.
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// How many connections are opened at a time: what waits in the listener's queue is bounded.
const AT_ONCE: usize = 64;

/// The first request id; it must not be met in other numbers of a message.
const FIRST_REQUEST: usize = 7_000_000;

#[derive(Debug, Parser)]
struct Flags {
    /// Clients that listen.
    #[arg(long, default_value_t = 2000)]
    clients: usize,
    /// Changes a second.
    #[arg(long, default_value_t = 10)]
    rate: usize,
    /// How long changes are sent.
    #[arg(long, default_value_t = 20)]
    seconds: usize,
    /// What the 99th percentile may be.
    #[arg(long, default_value_t = 200.0)]
    limit_ms: f64,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// Is the server; used by this program itself.
    #[arg(long, hide = true)]
    serve: Option<String>,
}

type Error = Box<dyn std::error::Error + Send + Sync>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// When each change was sent and answered, in microseconds since the start.
struct Sent {
    start: Instant,
    at: Vec<AtomicU64>,
    answered: Vec<AtomicU64>,
}

/// Which change arrived, and when.
type Arrival = (usize, u64);

impl Sent {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn note(&self, list: &[AtomicU64], change: usize) {
        if let Some(at) = list.get(change) {
            at.store(self.now(), Ordering::Relaxed);
        }
    }
}

/// Microseconds between what a list says of a change and `now`.
fn since(list: &[AtomicU64], change: usize, now: u64) -> u64 {
    let at = list.get(change).map_or(0, |at| at.load(Ordering::Relaxed));
    now.saturating_sub(at)
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("the limit of open files can't be raised: {error}");
    }
    let done = match &flags.serve {
        Some(database) => serve(database).await.map(|()| true),
        None => measure(&flags).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The server's process: ends with its standard input.
async fn serve(database: &str) -> Result<(), Error> {
    let options = ["server", "--listen", "127.0.0.1:0", "--database", database];
    let server = Server::start(Options::parse_from(options)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", server.address())?;
    out.flush()?;
    let mut input = String::new();
    BufReader::new(tokio::io::stdin())
        .read_line(&mut input)
        .await?;
    server.stop().await;
    Ok(())
}

async fn measure(flags: &Flags) -> Result<bool, Error> {
    let directory = tempfile::tempdir()?;
    let database = format!(
        "sqlite://{}",
        directory.path().join("load.sqlite").display()
    );
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["--serve", &database])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let out = child.stdout.take().ok_or("no output")?;
    let mut address = String::new();
    BufReader::new(out).read_line(&mut address).await?;
    let report = run(flags, address.trim()).await;
    drop(child.stdin.take());
    _ = timeout(SETTLE_TIME, child.wait()).await;
    let report = report?;
    let p99 = report["receipt_ms"]["p99"]
        .as_f64()
        .unwrap_or(f64::INFINITY);
    let whole = report["deliveries"] == report["expected"];
    let passed = whole && p99 < flags.limit_ms;
    let mut out = std::io::stdout();
    if flags.json {
        writeln!(out, "{report}")?;
    } else {
        writeln!(out, "{report:#}")?;
        let verdict = if passed { "passed" } else { "FAILED" };
        writeln!(out, "{verdict}: p99 {p99} ms of {} ms", flags.limit_ms)?;
    }
    Ok(passed)
}

async fn run(flags: &Flags, address: &str) -> Result<Value, Error> {
    let changes = flags.rate * flags.seconds;
    let sent = Arc::new(Sent {
        start: Instant::now(),
        at: (0..changes).map(|_| AtomicU64::new(0)).collect(),
        answered: (0..changes).map(|_| AtomicU64::new(0)).collect(),
    });
    let connecting = Instant::now();
    let sockets = timeout(CONNECT_TIME, connect_all(flags.clients, address)).await??;
    let connect_ms = millis(connecting.elapsed());
    let (times, mut received) = mpsc::unbounded_channel();
    for socket in sockets {
        tokio::spawn(listen(socket, sent.clone(), times.clone()));
    }
    drop(times);
    let writing = tokio::spawn(write(address.to_owned(), sent.clone(), changes, flags.rate));
    let mut arrivals: Vec<Arrival> = Vec::with_capacity(changes * flags.clients);
    let end = Duration::from_secs(flags.seconds as u64) + SETTLE_TIME;
    let collecting = async {
        while let Some(mut some) = received.recv().await {
            arrivals.append(&mut some);
        }
    };
    // Whoever misses a change is still listening: what has come by then counts.
    let complete = timeout(end, collecting).await.is_ok();
    writing.await??;
    let deliveries = if complete { arrivals.len() } else { 0 };
    let ages = |list: &[AtomicU64]| -> Vec<u64> {
        let ages = arrivals.iter();
        ages.map(|(change, at)| since(list, *change, *at)).collect()
    };
    let answers = sent.answered.iter().enumerate();
    let answers = answers.map(|(change, at)| since(&sent.at, change, at.load(Ordering::Relaxed)));
    Ok(json!({
        "clients": flags.clients,
        "rate": flags.rate,
        "seconds": flags.seconds,
        "connect_ms": connect_ms,
        "changes": changes,
        "expected": changes * flags.clients,
        "deliveries": deliveries,
        "receipt_ms": percentiles(&mut ages(&sent.at)),
        "told_ms": percentiles(&mut ages(&sent.answered)),
        "answer_ms": percentiles(&mut answers.collect::<Vec<_>>()),
    }))
}

async fn connect_all(clients: usize, address: &str) -> Result<Vec<Socket>, Error> {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let tasks: Vec<_> = (0..clients)
        .map(|n| {
            let (gate, address) = (gate.clone(), address.to_owned());
            tokio::spawn(async move {
                let _turn = gate.acquire_owned().await?;
                connect(
                    &address,
                    &format!("project=calendar&presence=0&clientId=c{n}"),
                )
                .await
            })
        })
        .collect();
    let mut sockets = Vec::with_capacity(clients);
    for task in tasks {
        sockets.push(task.await??);
    }
    Ok(sockets)
}

/// Connects and waits until the room is live.
async fn connect(address: &str, query: &str) -> Result<Socket, Error> {
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096);
    let url = format!("ws://{address}/ws?{query}");
    let (mut socket, _) = connect_async_with_config(url, Some(config), true).await?;
    while let Some(message) = socket.next().await {
        if message?.to_text()?.contains("\"type\":\"live\"") {
            return Ok(socket);
        }
    }
    Err("the connection ended".into())
}

/// Notes when each change arrives, until all are there.
async fn listen(mut socket: Socket, sent: Arc<Sent>, times: mpsc::UnboundedSender<Vec<Arrival>>) {
    let changes = sent.at.len();
    let mut arrivals = Vec::with_capacity(changes);
    while arrivals.len() < changes {
        let Some(Ok(message)) = socket.next().await else {
            return;
        };
        let Ok(text) = message.to_text() else {
            continue;
        };
        if let Some(change) = change_of(text).filter(|change| *change < changes) {
            arrivals.push((change, sent.now()));
        }
    }
    _ = times.send(arrivals);
    drop(times);
    // Stays connected: the load is that of everybody until the end.
    while let Some(Ok(_)) = socket.next().await {}
}

/// The number of the change that a message tells of.
fn change_of(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once("\"requestId\":")?;
    let digits = rest.find(|digit: char| !digit.is_ascii_digit())?;
    rest.get(..digits)?
        .parse::<usize>()
        .ok()?
        .checked_sub(FIRST_REQUEST)
}

/// Sends changes at a steady rate.
async fn write(address: String, sent: Arc<Sent>, changes: usize, rate: usize) -> Result<(), Error> {
    let http = reqwest::Client::new();
    let mut channel = connect(&address, "project=taskboard&presence=0&clientId=writer").await?;
    let mut beat = interval(Duration::from_secs(1) / u32::try_from(rate.max(1))?);
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for change in 0..changes {
        beat.tick().await;
        let package = json!({
            "type": "sync",
            "project": "calendar",
            "requestId": FIRST_REQUEST + change,
            "clientId": "writer",
            "events": { "updated": [{ "id": 1 + change % 10, "name": format!("Change {change}") }] },
        });
        sent.note(&sent.at, change);
        if change % 2 == 0 {
            let url = format!("http://{address}/api/calendar/sync");
            let response = http.post(url).body(package.to_string()).send().await?;
            response.error_for_status()?.bytes().await?;
        } else {
            channel.send(Message::text(package.to_string())).await?;
            wait_for_ack(&mut channel).await?;
        }
        sent.note(&sent.answered, change);
    }
    Ok(())
}

async fn wait_for_ack(channel: &mut Socket) -> Result<(), Error> {
    while let Some(message) = channel.next().await {
        let message = message?;
        let text = message.to_text()?;
        if text.contains("\"type\":\"ack\"") {
            let ack: Value = serde_json::from_str(text)?;
            return match ack["success"] == true {
                true => Ok(()),
                false => Err(format!("refused: {text}").into()),
            };
        }
    }
    Err("the writer's connection ended".into())
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

fn percentiles(micros: &mut [u64]) -> Value {
    micros.sort_unstable();
    let at = |share: f64| {
        let last = micros.len().checked_sub(1)?;
        let place = (last as f64 * share).round() as usize;
        micros.get(place).map(|time| *time as f64 / 1000.0)
    };
    json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0) })
}
