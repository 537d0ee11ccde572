//! Commands that documents tell people to type exist, with the flags they are told to give.

use std::path::PathBuf;
use std::process::Command;

use crate::{alert_names, files, read, repository};

/// The lines of a document's shell blocks, continued lines joined.
fn shell(text: &str) -> Vec<String> {
    let (mut lines, mut inside) = (Vec::new(), false);
    for line in text.replace("\\\n", " ").lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside => lines.push(command.to_owned()),
            _ => {}
        }
    }
    lines
}

/// The words after `lanpulse` of each call in a line: up to a comment, a pipe or the end of the command.
fn calls(line: &str) -> Vec<Vec<&str>> {
    let line = line.split(" #").next().unwrap();
    let mut found = Vec::new();
    for part in line.split(['|', ';', '&', '(', ')']) {
        let words: Vec<&str> = part.split_whitespace().collect();
        // `docker compose exec lanpulse lanpulse ...`: the last one is the program
        let program = words.iter().rposition(|word| {
            *word == "lanpulse" || word.ends_with("/bin/lanpulse") || word.ends_with("debug/lanpulse")
        });
        let before = program.map_or("", |at| if at == 0 { "" } else { words[at - 1] });
        let typed = match before {
            "" | "sudo" | "lanpulse" | "*" => program,
            _ => None,
        };
        if let Some(at) = typed {
            found.push(words[at + 1..].to_vec());
        }
    }
    found
}

fn help(subcommand: &[&str]) -> Option<String> {
    let run = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
        .arg("help")
        .args(subcommand)
        .output()
        .unwrap();
    run.status
        .success()
        .then(|| String::from_utf8_lossy(&run.stdout).into_owned())
}

/// Panics unless the subcommand and the flags are those of the program.
fn check(place: &str, words: &[&str]) {
    let mut chosen: Vec<&str> = Vec::new();
    for word in words {
        let plain =
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
        let mut longer = chosen.clone();
        longer.push(*word);
        if !plain || help(&longer).is_none() {
            break;
        }
        chosen = longer;
    }
    let text = help(&chosen).expect("help");
    let first = words.first().copied().unwrap_or_default();
    assert!(
        !chosen.is_empty() || first.is_empty() || first.starts_with('-'),
        "{place}: there is no `lanpulse {first}`"
    );
    for word in words.iter().take_while(|word| **word != "--") {
        if let Some(flag) = word.strip_prefix("--") {
            let flag = flag.split('=').next().unwrap();
            assert!(
                text.contains(&format!("--{flag} ")) || text.contains(&format!("--{flag}\n")),
                "{place}: `lanpulse {}` has no --{flag}",
                chosen.join(" ")
            );
        }
    }
}

#[test]
fn commands_in_documents_exist() {
    let mut documents = files("docs/runbooks", "md");
    documents.extend(files("docs", "md"));
    documents.push(repository("README.md"));
    let mut count = 0;
    for path in &documents {
        for line in shell(&read(path)) {
            for words in calls(&line) {
                check(&format!("{}: {line}", path.display()), &words);
                count += 1;
            }
        }
    }
    assert!(count > 40, "only {count} commands found");
}

#[test]
#[should_panic(expected = "has no --forever")]
fn a_flag_that_does_not_exist_is_found() {
    check(
        "here",
        &calls("docker compose exec lanpulse lanpulse ack nas --forever 2h   # why")[0],
    );
}

#[test]
#[should_panic(expected = "there is no `lanpulse mend`")]
fn a_command_that_does_not_exist_is_found() {
    check("here", &calls("curl x | lanpulse mend nas")[0]);
}

#[test]
fn runbooks_have_a_query_and_a_command_for_the_diagnosis() {
    for name in alert_names() {
        let path: PathBuf = repository(&format!("docs/runbooks/{name}.md"));
        let text = read(&path);
        let diagnosis = text
            .split("\n## Diagnosis\n")
            .nth(1)
            .unwrap()
            .split("\n## ")
            .next()
            .unwrap();
        assert!(diagnosis.contains("```promql\n"), "{name}: no query");
        let commands: Vec<String> = shell(diagnosis)
            .iter()
            .flat_map(|line| calls(line))
            .map(|words| words.join(" "))
            .collect();
        assert!(!commands.is_empty(), "{name}: no command of lanpulse's");
    }
}
