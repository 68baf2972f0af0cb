//! Wildcards of policies: `*` is any run of characters, `?` is one. Nothing else is special, and there is no escape.

use std::cell::Cell;

/// How much comparing one decision may take. A policy is its bucket owner's own, and so is the time it wastes, but the
/// gateway's other clients wait behind it.
#[derive(Debug)]
pub(super) struct Fuel {
    steps: u32,
    left: Cell<u32>,
}

impl Fuel {
    pub(super) fn new(steps: u32) -> Self {
        Self { steps, left: Cell::new(steps) }
    }

    fn burn(&self) {
        self.left.set(self.left.get().saturating_sub(1));
    }

    /// How much was taken.
    pub(super) fn used(&self) -> u32 {
        self.steps - self.left.get()
    }

    /// Whether there is none left; every comparison then fails.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}

/// A run of characters, in a pattern. It is in no text: UTF-8 has no such byte.
const RUN: u8 = 0xFF;
/// One character, likewise.
const ONE: u8 = 0xFE;

/// A pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Glob {
    pattern: Vec<u8>,
    has_wildcards: bool,
}

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        let mut glob = Self::default();
        glob.push_pattern(pattern);
        glob
    }

    /// Appends text in which `*` and `?` are wildcards.
    pub(super) fn push_pattern(&mut self, text: &str) {
        self.has_wildcards |= text.contains(['*', '?']);
        self.pattern.extend(text.bytes().map(|byte| match byte {
            b'*' => RUN,
            b'?' => ONE,
            other => other,
        }));
    }

    /// Appends text in which nothing is special.
    pub(super) fn push_plain(&mut self, text: &str) {
        self.pattern.extend(text.bytes());
    }

    /// Appends another pattern.
    pub(super) fn push(&mut self, other: &Self) {
        self.has_wildcards |= other.has_wildcards;
        self.pattern.extend(&other.pattern);
    }

    /// As it was written.
    pub(super) fn text(&self) -> String {
        let bytes = self.pattern.iter().map(|byte| match *byte {
            RUN => b'*',
            ONE => b'?',
            other => other,
        });
        String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
    }

    /// Whether it has no wildcards.
    pub(super) fn is_fixed(&self) -> bool {
        !self.has_wildcards
    }

    /// Whether the whole of `text` matches.
    pub(super) fn matches(&self, text: &str, fuel: &Fuel) -> bool {
        if !self.has_wildcards {
            return self.pattern == text.as_bytes();
        }
        matches(&self.pattern, text.as_bytes(), fuel)
    }

    /// Whether the six parts of the name of a resource match one by one: what a wildcard stands for ends at the colon after
    /// it, but in the last part (IAM reference, "`ArnLike`").
    pub(super) fn matches_arn(&self, text: &str, fuel: &Fuel) -> bool {
        let mut patterns = self.pattern.splitn(ARN_PART_COUNT, |byte| *byte == b':');
        let mut texts = text.as_bytes().splitn(ARN_PART_COUNT, |byte| *byte == b':');
        loop {
            match (patterns.next(), texts.next()) {
                (None, None) => return true,
                (Some(pattern), Some(text)) if matches(pattern, text, fuel) => {}
                _ => return false,
            }
        }
    }
}

/// `arn:partition:service:region:account:resource`.
pub(super) const ARN_PART_COUNT: usize = 6;

/// Goes forward, and back to the last star only: what an earlier star took is as good as anything else it could have.
fn matches(pattern: &[u8], text: &[u8], fuel: &Fuel) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last_star = None;
    loop {
        fuel.burn();
        if fuel.is_spent() {
            return false;
        }
        match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some(&RUN), _) => {
                p += 1;
                // A star at the end takes all there is.
                if p == pattern.len() {
                    return true;
                }
                last_star = Some((p, t));
                continue;
            }
            (Some(&ONE), Some(first)) => {
                p += 1;
                t += character_length(*first);
                continue;
            }
            (Some(wanted), Some(found)) if wanted == found => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((after_star, taken)) = last_star else { return false };
        let Some(first) = text.get(taken) else { return false };
        p = after_star;
        t = taken + character_length(*first);
        last_star = Some((after_star, t));
    }
}

/// Bytes of the character that begins with `first`.
fn character_length(first: u8) -> usize {
    match first {
        0x00..=0xBF => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::POLICY_STEP_COUNT_MAX;

    fn check(pattern: &str, text: &str, expected: bool) {
        let fuel = Fuel::new(POLICY_STEP_COUNT_MAX);
        assert_eq!(Glob::new(pattern).matches(text, &fuel), expected, "{pattern:?} {text:?}");
        assert!(!fuel.is_spent());
    }

    #[test]
    fn stars_are_runs_and_question_marks_characters() {
        check("", "", true);
        check("", "a", false);
        check("a", "a", true);
        check("a", "A", false);
        check("*", "", true);
        check("*", "any/thing", true);
        check("**", "", true);
        check("a*", "a", true);
        check("a*", "ba", false);
        check("*a", "bba", true);
        check("*a", "bab", false);
        check("a*b*c", "aXbYc", true);
        check("a*b*c", "abbc", true);
        check("a*b*c", "acb", false);
        check("*ab", "aab", true);
        check("*ab*ab", "abab", true);
        check("*ab*ab", "aab", false);
        check("?", "", false);
        check("?", "a", true);
        check("?", "é", true);
        check("?", "ab", false);
        check("a?c", "aéc", true);
        check("*?", "", false);
        check("*?", "€", true);
        check("dir/*/k?.jpg", "dir/a/b/k1.jpg", true);
        check("dir/*/k?.jpg", "dir/k1.jpg", false);
        check("[a]", "a", false);
        check("\\*", "\\x", true);
        check("100%", "100%", true);
    }

    #[test]
    fn parts_of_names_match_one_by_one() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let found = Glob::new(pattern).matches_arn(text, &Fuel::new(1000));
            assert_eq!(found, expected, "{pattern} {text}");
        };
        check("arn:aws:iam::1:root", "arn:aws:iam::1:root", true);
        check("arn:*:iam::*:root", "arn:aws:iam::1:root", true);
        check("arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a:b", true);
        check("arn:*:root", "arn:aws:iam::1:root", false);
        check("arn:aws:iam:*:root", "arn:aws:iam::1:root", false);
        check("*:*:*:*:*:*", "arn:aws:iam::1:root", true);
        check("*", "arn:aws:iam::1:root", false);
    }

    #[test]
    fn what_takes_too_long_does_not_match() {
        let fuel = Fuel::new(1000);
        let hard = Glob::new(&"*a?".repeat(100));
        assert!(!hard.matches(&"a".repeat(1000), &fuel) && fuel.is_spent());
        assert!(!Glob::new("*a").matches("a", &fuel));
    }

    /// By definition, and exponential.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            (Some(('?', rest)), Some((_, text))) => naive(rest, text),
            (Some((wanted, rest)), Some((found, text))) => wanted == found && naive(rest, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn fast_is_right(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            let fuel = Fuel::new(POLICY_STEP_COUNT_MAX);
            prop_assert_eq!(Glob::new(&pattern).matches(&text, &fuel), naive(&p, &t));
        }
    }
}
