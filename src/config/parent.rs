//! Checks the key `parent` of all targets, when the targets of every file are known.

use crate::model::LabelValue;

use crate::yaml::decode::Findings;
use crate::yaml::problem::quoted;
use crate::yaml::suggest;

use super::target::{TargetName, Targets};

/// How many unknown parents get a suggestion. Each suggestion compares all names.
const SUGGESTIONS: usize = 50;

/// Checks the parent of every target:
/// 1. It is a configured target. This is only checked if every file could be read (`complete`).
/// 2. It is not the target itself.
/// 3. The parents do not form a circle. Each circle is reported once, at its first target.
pub(super) fn check(targets: &Targets, complete: bool, findings: &mut Findings) {
    let mut suggestions = 0;
    let mut parents: Vec<Option<usize>> = Vec::with_capacity(targets.named.len());
    for (index, child) in targets.named.iter().enumerate() {
        parents.push(None);
        let Some((parent, place)) = &child.parent else { continue };
        match targets.names.get(parent) {
            Some(found) if *found == index => {
                findings.place(place.clone(), "a target cannot be its own parent", "remove it");
            }
            Some(found) => parents[index] = Some(*found),
            // A target may be in a file that could not be read.
            None if !complete => {}
            None => {
                suggestions += 1;
                let names = targets
                    .names
                    .keys()
                    .map(LabelValue::as_str)
                    .filter(|_| suggestions <= SUGGESTIONS);
                let hint = suggest::hint(parent.as_str(), names, "name a configured target");
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

fn circles(named: &[TargetName], parents: &[Option<usize>], findings: &mut Findings) {
    // The walk in which each target was visited. A walk that comes to a target of its own has found a circle.
    let mut visited: Vec<Option<usize>> = vec![None; parents.len()];
    for start in 0..parents.len() {
        let mut at = Some(start);
        while let Some(index) = at.filter(|index| visited[*index].is_none()) {
            visited[index] = Some(start);
            at = parents[index];
        }
        let Some(closing) = at.filter(|index| visited[*index] == Some(start)) else {
            continue;
        };
        let mut circle = vec![closing];
        let mut next = parents[closing];
        while let Some(index) = next.filter(|index| *index != closing) {
            circle.push(index);
            next = parents[index];
        }
        let Some((first, _)) = circle.iter().enumerate().min_by_key(|(_, index)| **index) else {
            continue;
        };
        circle.rotate_left(first);
        report(named, &circle, findings);
    }
}

fn report(named: &[TargetName], circle: &[usize], findings: &mut Findings) {
    let Some((_, place)) = circle.first().and_then(|first| named[*first].parent.as_ref()) else {
        return;
    };
    let mut path: Vec<String> = circle
        .iter()
        .take(8)
        .map(|index| quoted(named[*index].name.as_str()))
        .collect();
    if circle.len() > 8 {
        path.push("...".to_owned());
    }
    path.extend(circle.first().map(|first| quoted(named[*first].name.as_str())));
    findings.place(
        place.clone(),
        format!("the parents go round in a circle: {}", path.join(" > ")),
        "remove one of them",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::locate::{Part, Place};

    /// The messages for targets `0`, `1`, ... with these parents.
    fn circles_of(parents: &[Option<usize>]) -> Vec<String> {
        let place = |index| Place {
            file: 0,
            steps: vec![index],
            part: Part::Value,
        };
        let named: Vec<TargetName> = (0..parents.len())
            .map(|index| TargetName {
                name: LabelValue::new(&index.to_string()),
                place: place(index),
                parent: parents[index].map(|parent| (LabelValue::new(&parent.to_string()), place(index))),
            })
            .collect();
        let mut findings = Findings::default();
        circles(&named, parents, &mut findings);
        findings
            .0
            .into_iter()
            .map(|finding| finding.message.replace("the parents go round in a circle: ", ""))
            .collect()
    }

    #[test]
    fn each_circle_is_reported_once() {
        let no_circles: [String; 0] = [];
        assert_eq!(circles_of(&[]), no_circles);
        assert_eq!(circles_of(&[None, Some(0), Some(1), Some(1)]), no_circles);
        assert_eq!(
            circles_of(&[Some(2), Some(0), Some(1)]),
            ["\"0\" > \"2\" > \"1\" > \"0\""]
        );
        // A target that leads into a circle is not part of it.
        assert_eq!(
            circles_of(&[Some(2), Some(2), Some(3), Some(2), Some(3)]),
            ["\"2\" > \"3\" > \"2\""]
        );
        assert_eq!(circles_of(&[Some(1), Some(0), Some(3), Some(2)]).len(), 2);
        let long: Vec<_> = (0..10_000).map(|index| Some((index + 1) % 10_000)).collect();
        assert!(circles_of(&long)[0].ends_with("\"7\" > ... > \"0\""));
    }
}
