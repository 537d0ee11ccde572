//! Tells the program which revision and compiler it was built from: `lanpulse --version` and `lanpulse_build_info`.

use std::path::Path;
use std::process::Command;

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let line = String::from_utf8(output.stdout).ok()?.lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}

fn main() {
    // A package built outside a checkout may say which revision it is.
    let given = std::env::var("LANPULSE_REVISION")
        .ok()
        .filter(|revision| !revision.is_empty());
    let git = |arguments: &[&str]| first_line(Command::new("git").arg("rev-parse").args(arguments));
    if given.is_none() {
        // Git says where they are, as a worktree has them elsewhere. A path that is not there must not be named: cargo
        // would build the whole crate again each time.
        for name in ["HEAD", "logs/HEAD"] {
            if let Some(path) = git(&["--git-path", name]).filter(|path| Path::new(path).exists()) {
                println!("cargo:rerun-if-changed={path}");
            }
        }
    }
    let revision = given.or_else(|| git(&["--short=12", "HEAD"]));
    println!(
        "cargo:rustc-env=LANPULSE_REVISION={}",
        revision.as_deref().unwrap_or("unknown")
    );
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = first_line(Command::new(rustc).arg("--version")).unwrap_or_default();
    println!(
        "cargo:rustc-env=LANPULSE_RUSTVERSION={}",
        version.split(' ').nth(1).unwrap_or("unknown")
    );
    println!("cargo:rerun-if-env-changed=LANPULSE_REVISION");
    println!("cargo:rerun-if-changed=build.rs");
}
