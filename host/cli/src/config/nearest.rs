//! What was meant: the candidates nearest to a word, by edit distance.

/// The nearest candidate, if it is near enough to be worth a guess.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_few(word, candidates, 1).into_iter().next()
}

/// At most `limit` candidates, nearest first, of those near enough to be worth a guess.
pub fn nearest_few<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let contained = !lower.is_empty() && (other.contains(&lower) || lower.contains(&other));
            let distance = if contained { 1 } else { distance(&lower, &other) };
            // A third of the longer word may be wrong; beyond that a guess is noise.
            (distance * 3 <= lower.chars().count().max(other.chars().count())).then_some((distance, candidate))
        })
        .collect();
    near.sort();
    near.dedup();
    near.truncate(limit);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Edits between two words: letters inserted, removed, replaced, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &other) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(letter != other);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && letter == b[j - 1] && a[i - 1] == other {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("hlepers", "helpers"), 1);
    }

    #[test]
    fn guesses_only_what_is_near() {
        let keys = ["builder", "helpers", "keep-going", "retries"];
        assert_eq!(nearest("helprs", keys), Some("helpers"));
        assert_eq!(nearest("Keep_going", keys), Some("keep-going"));
        assert_eq!(nearest("zzz", keys), None);
    }

    #[test]
    fn part_of_a_name_is_near() {
        let tests = ["tests/test_a.py::test_one", "tests/test_b.py::test_two"];
        assert_eq!(nearest_few("test_two", tests, 3), ["tests/test_b.py::test_two"]);
    }
}
