//! Who is reached through whom.
//!
//! Owns the rules of `parent`, which can be checked only when every file's targets are known. Gets the names; gives
//! findings.

use std::collections::HashMap;

use crate::model::LabelValue;

use super::decode::Findings;
use super::problem::quoted;
use super::suggest;
use super::target::{Named, Targets};

/// Guessing looks at every name; past this many unknown parents it would take longer than the reading.
const GUESSES: usize = 50;

/// Checks every target's parent:
/// 1. it is a configured target,
/// 2. it is not the target itself,
/// 3. following the parents never comes back to where it began (told once for each circle, at its first target).
pub(super) fn check(targets: &Targets, findings: &mut Findings) {
    let mut guesses = 0;
    let mut parents: Vec<Option<usize>> = Vec::with_capacity(targets.named.len());
    for (index, child) in targets.named.iter().enumerate() {
        parents.push(None);
        let Some((parent, place)) = &child.parent else { continue };
        match targets.names.get(parent) {
            Some(found) if *found == index => {
                findings.place(place.clone(), "a target cannot be its own parent", "remove it");
            }
            Some(found) => parents[index] = Some(*found),
            None => {
                guesses += 1;
                let near = nearest(parent, &targets.names).filter(|_| guesses <= GUESSES);
                let hint = near.map_or_else(
                    || "name a configured target".to_owned(),
                    |near| format!("did you mean {near:?}?"),
                );
                findings.place(
                    place.clone(),
                    format!("unknown parent {}", quoted(parent.as_str())),
                    hint,
                );
            }
        }
    }
    circles(&targets.named, &parents, findings);
}

fn nearest<'a>(name: &LabelValue, names: &'a HashMap<LabelValue, usize>) -> Option<&'a str> {
    // In alphabetical order, so that the same file always gets the same guess.
    let mut sorted: Vec<&str> = names.keys().map(LabelValue::as_str).collect();
    sorted.sort_unstable();
    suggest::nearest(name.as_str(), sorted.into_iter())
}

fn circles(named: &[Named], parents: &[Option<usize>], findings: &mut Findings) {
    // In which walk each target was met; a walk that meets itself has found a circle. Every target is met once.
    let mut met: Vec<Option<usize>> = vec![None; parents.len()];
    for start in 0..parents.len() {
        let mut at = Some(start);
        while let Some(index) = at.filter(|index| met[*index].is_none()) {
            met[index] = Some(start);
            at = parents[index];
        }
        let Some(closing) = at.filter(|index| met[*index] == Some(start)) else {
            continue;
        };
        let mut circle = vec![closing];
        let mut next = parents[closing];
        while let Some(index) = next.filter(|index| *index != closing) {
            circle.push(index);
            next = parents[index];
        }
        let Some((turn, _)) = circle.iter().enumerate().min_by_key(|(_, index)| **index) else {
            continue;
        };
        circle.rotate_left(turn);
        report(named, &circle, findings);
    }
}

fn report(named: &[Named], circle: &[usize], findings: &mut Findings) {
    let Some((_, place)) = circle.first().and_then(|first| named[*first].parent.as_ref()) else {
        return;
    };
    let mut names: Vec<String> = circle
        .iter()
        .take(8)
        .map(|index| quoted(named[*index].name.as_str()))
        .collect();
    if circle.len() > 8 {
        names.push("...".to_owned());
    }
    names.extend(circle.first().map(|first| quoted(named[*first].name.as_str())));
    findings.place(
        place.clone(),
        format!("the parents go round in a circle: {}", names.join(" > ")),
        "remove one of them",
    );
}
