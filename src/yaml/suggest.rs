//! "Did you mean ...?": the known word that is nearest to a misspelt one.

/// The nearest candidate, if it is near enough: at most one mistake for every three letters, but one is always allowed.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).take(65).collect();
    // A longer word is no misspelt key, and the time is quadratic in its length.
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let allowed = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).take(65).collect();
        if letters.len().abs_diff(word.len()) > allowed {
            continue;
        }
        let distance = distance(&word, &letters);
        // A candidate of which every letter is wrong is another word. Of equally near ones the first in the alphabet is
        // taken, so that the same file always gets the same suggestion.
        let better = best.is_none_or(|best| (distance, candidate) < best);
        if distance < letters.len() && distance <= allowed && better {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// "did you mean ...?" for the nearest candidate, or another text where none is near.
pub(crate) fn hint<'a>(word: &str, candidates: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    nearest(word, candidates).map_or_else(|| otherwise.to_owned(), |near| format!("did you mean {near:?}?"))
}

/// The number of insertions, deletions, changes and swaps of neighbours (the optimal string alignment distance).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["interval", "timeout", "family", "loss", "up_after"];
        for (word, meant) in [
            ("intervall", Some("interval")),
            ("intrevals", Some("interval")),
            ("Timeout", Some("timeout")),
            ("tiemout", Some("timeout")),
            ("upafter", Some("up_after")),
            ("los", Some("loss")),
            ("x", None),
            ("", None),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known.into_iter()), meant, "{word}");
        }
    }
}
