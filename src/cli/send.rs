//! `lanpulse heartbeat send`: reports for a job. It can run the job's command and report its start and its end.
//!
//! The command comes first. A report that fails is a line on stderr; it changes neither the output nor the exit code of
//! the command.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, ValueEnum};
use hyper::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::signal::unix::{SignalKind, signal};

use super::client::{Access, ask, block_on, text_of};
use super::output::{complain, finish};
use crate::net::Call;

/// How much of the end of the output is sent, in bytes.
const KEPT_BYTES: usize = 10 * 1024;
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the report of the start may hold up the command.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long to wait for the end of the output after the command has ended: a child it left behind may hold it open.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// What to report, and where.
#[derive(Clone, Debug, Args)]
pub struct SendArgs {
    /// The URL to report to: `http://HOST:10526/ping/TOKEN`, or one of a service that works like healthchecks [default:
    /// `LANPULSE_HEARTBEAT_URL` in the environment, which `ps` does not show]
    #[arg(long)]
    pub url: Option<String>,
    /// The file with the URL
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub url_file: Option<PathBuf>,
    /// What to report, without a command
    #[arg(long, value_name = "STATUS", default_value = "ok", conflicts_with = "command")]
    pub status: Status,
    /// Text to send with the report, without a command
    #[arg(long, value_name = "TEXT", conflicts_with = "command")]
    pub message: Option<String>,
    /// How often to try again; the pauses double, starting with one second
    #[arg(long, value_name = "TIMES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub retries: u32,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// How to ask.
    #[command(flatten)]
    pub access: Access,
}

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Status {
    Ok,
    Fail,
    Start,
    Log,
}

/// Reports, with or without a command.
pub(super) fn send(send: &SendArgs) -> ExitCode {
    let url = match url(send) {
        Ok(url) => url,
        Err(problem) => {
            complain(&format!("lanpulse: {problem}"));
            // A job that runs every night must not stop for a file that is gone.
            if send.command.is_empty() {
                return ExitCode::FAILURE;
            }
            return code(execute(&send.command).0);
        }
    };
    if !send.command.is_empty() {
        return supervised(&url, send);
    }
    let suffix = match send.status {
        Status::Ok => "",
        Status::Fail => "/fail",
        Status::Start => "/start",
        Status::Log => "/log",
    };
    let body = send.message.clone().unwrap_or_default().into_bytes();
    let delivered = deliver(&send.access, &format!("{url}{suffix}"), body, send.retries, TIMEOUT);
    finish(delivered.map_err(|problem| format!("not reported: {problem}")))
}

/// Runs the command between the report of its start and the report of its end.
fn supervised(url: &str, send: &SendArgs) -> ExitCode {
    let run = run_id();
    let start = format!("{url}/start?rid={run}");
    if let Err(problem) = deliver(&send.access, &start, Vec::new(), 0, START_TIMEOUT) {
        complain(&format!("lanpulse: the start is not reported: {problem}"));
    }
    let (status, output) = execute(&send.command);
    let number = status.unwrap_or(127);
    let end = format!("{url}/{number}?rid={run}");
    if let Err(problem) = deliver(&send.access, &end, output, send.retries, TIMEOUT) {
        complain(&format!("lanpulse: the end is not reported: {problem}"));
    }
    code(status)
}

/// The exit code to end with: 127 for a command that could not be run, as in a shell.
fn code(status: Option<u8>) -> ExitCode {
    ExitCode::from(status.unwrap_or(127))
}

/// The URL to report to, without a slash at its end.
fn url(send: &SendArgs) -> Result<String, String> {
    let url = match (&send.url, &send.url_file) {
        (Some(url), _) => url.clone(),
        (None, Some(file)) => text_of(file)?,
        (None, None) => std::env::var("LANPULSE_HEARTBEAT_URL")
            .map_err(|_| "where to? Use --url, --url-file or LANPULSE_HEARTBEAT_URL")?,
    };
    let url = url.trim().trim_end_matches('/');
    if url.contains(['?', '#']) {
        return Err("the URL to report to ends with its token".to_owned());
    }
    Ok(url.to_owned())
}

/// Sends a report, again and again until it is accepted. The pauses are 1 s, 2 s, 4 s and so on, or as long as the
/// server asks for.
fn deliver(access: &Access, url: &str, body: Vec<u8>, retries: u32, timeout: Duration) -> Result<(), String> {
    let mut request = access.prepare(Call::new(Method::POST, url, timeout), None)?;
    request.body = body;
    for attempt in 0.. {
        let (problem, retry_after) = match ask(&request) {
            Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
            Ok(answer) if matches!(answer.status, 408 | 429 | 500..) => {
                (format!("status {}", answer.status), answer.retry_after)
            }
            // Trying again would not help.
            Ok(answer) if answer.status == 404 => return Err("status 404: is the token right?".to_owned()),
            Ok(answer) => return Err(format!("status {}", answer.status)),
            Err(problem) => (problem, None),
        };
        if attempt >= retries {
            return Err(problem);
        }
        let pause = Duration::from_secs(1 << attempt.min(6));
        // Jobs of many hosts start at the same full minute.
        let jitter = Duration::from_millis(u64::from(random()[0]) * 2);
        std::thread::sleep(pause.max(retry_after.unwrap_or_default()).min(LONGEST_PAUSE) + jitter);
    }
    Ok(())
}

/// Runs a command to its end and prints what it prints. Returns its exit code, `None` if it could not be run, and the end
/// of its output.
fn execute(command: &[String]) -> (Option<u8>, Vec<u8>) {
    let Some((program, arguments)) = command.split_first() else {
        return (None, Vec::new());
    };
    let spawned = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let problem = format!("lanpulse: cannot run {program}: {error}");
            complain(&problem);
            return (None, problem.into_bytes());
        }
    };
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (ended, ends) = mpsc::channel();
    let mut readers = 0;
    if let Some(from) = child.stdout.take() {
        copy(from, std::io::stdout(), kept.clone(), ended.clone());
        readers += 1;
    }
    if let Some(from) = child.stderr.take() {
        copy(from, std::io::stderr(), kept.clone(), ended);
        readers += 1;
    }
    let status = wait(&mut child);
    for _ in 0..readers {
        let _ = ends.recv_timeout(OUTPUT_GRACE);
    }
    let output = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    (status.map(number), output)
}

/// The exit code as in a shell: 128 plus the signal for a command that was killed.
fn number(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}

/// Waits for the end of the command. Signals to this process are passed on to it, so that its end is still reported.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let pid = i32::try_from(child.id()).map(Pid::from_raw).ok()?;
    let forwarding = std::thread::spawn(move || forward(pid));
    let status = child.wait().ok();
    drop(forwarding);
    status
}

fn forward(pid: Pid) {
    let _ = block_on(async {
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
            signal(SignalKind::hangup()),
        ) else {
            return;
        };
        loop {
            let received = tokio::select! {
                _ = terminate.recv() => Signal::SIGTERM,
                _ = interrupt.recv() => Signal::SIGINT,
                _ = hangup.recv() => Signal::SIGHUP,
            };
            let _ = kill(pid, received);
        }
    });
}

/// Copies the output of the command to the same output of this process, and keeps the end of it.
fn copy(
    mut from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    kept: Arc<Mutex<Vec<u8>>>,
    ended: mpsc::Sender<()>,
) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let piece = &buffer[..length];
            let _ = to.write_all(piece).and_then(|()| to.flush());
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(piece);
            let excess = kept.len().saturating_sub(KEPT_BYTES);
            kept.drain(..excess);
        }
        let _ = ended.send(());
    });
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Without random numbers all runs have the same id. That matters only if they overlap.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}

/// A random UUID (RFC 9562, version 4).
fn run_id() -> String {
    let mut bytes = random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let bits = u128::from_be_bytes(bytes);
    let text = format!("{bits:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_are_uuids() {
        let id = run_id();
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
        assert_ne!(id, run_id());
    }

    #[test]
    fn the_end_of_the_output_and_the_code() {
        let shell = |script: &str| execute(&["sh".into(), "-c".into(), script.into()]);
        let (code, output) = shell("echo out; echo err >&2; exit 3");
        assert_eq!(code, Some(3));
        let output = String::from_utf8(output).unwrap();
        assert!(output.contains("out\n") && output.contains("err\n"), "{output}");
        let (code, output) = shell("kill -9 $$");
        assert_eq!((code, output.len()), (Some(137), 0));
        let (code, output) = shell("head -c 50000 /dev/zero | tr '\\0' x >&2; echo end >&2");
        assert_eq!((code, output.len()), (Some(0), KEPT_BYTES));
        assert!(output.ends_with(b"xend\n"));
        let (code, output) = execute(&["/nowhere/at/all".into()]);
        assert_eq!(code, None);
        assert!(String::from_utf8(output).unwrap().contains("cannot run"));
    }
}
