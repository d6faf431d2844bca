//! Pure. Label names: how the name of a header becomes one, and how every name stays unique within its record.

use std::collections::{HashMap, HashSet};

/// Prefix of the labels that are ours.
pub(super) const RESERVED_PREFIX: &str = "kafka_";

/// The names that a record has given out so far.
#[derive(Debug)]
pub(super) struct TakenNames<'a> {
    reserved: &'a HashSet<String>,
    /// Each with the highest number that was tried for its repeats: thousands of one name must not be tried in turn.
    taken: HashMap<String, usize>,
}

impl<'a> TakenNames<'a> {
    /// Returns an empty set beside names that are never given to a header.
    pub(super) fn new(reserved: &'a HashSet<String>) -> Self {
        Self { reserved, taken: HashMap::new() }
    }

    /// Returns the label name of a header: legal, not ours, and not taken by an earlier header.
    pub(super) fn name_of_header(&mut self, header: &str) -> String {
        let name = legal_name(header);
        let is_ours = name.starts_with(RESERVED_PREFIX) || self.reserved.contains(&name);
        let name = if is_ours { format!("header_{name}") } else { name };
        self.claim(&name)
    }

    /// Returns the name itself, or with `.2`, `.3` and so on where an earlier header took it.
    pub(super) fn claim(&mut self, name: &str) -> String {
        if self.is_free(name) {
            self.taken.insert(name.to_owned(), 1);
            return name.to_owned();
        }
        let tried = self.taken.get(name).copied().unwrap_or(1);
        let mut numbered = (tried + 1..).map(|number| (number, format!("{name}.{number}")));
        let (number, free) = numbered.find(|(_, free)| self.is_free(free)).expect("numbers do not end");
        self.taken.insert(name.to_owned(), number);
        self.taken.insert(free.clone(), 1);
        free
    }

    fn is_free(&self, name: &str) -> bool {
        !self.reserved.contains(name) && !self.taken.contains_key(name)
    }
}

/// Tells whether the store takes the name on every path, and gives it back as it is.
#[must_use]
pub fn is_legal_label_name(name: &str) -> bool {
    !name.is_empty() && !is_digits(name) && name.chars().all(is_legal_character)
}

fn legal_name(header: &str) -> String {
    let name: String = header
        .chars()
        .map(|character| character.to_ascii_lowercase())
        .map(|character| if is_legal_character(character) { character } else { '_' })
        .collect();
    // The store reads a name of digits as an index into a list.
    if name.is_empty() || is_digits(&name) { format!("_{name}") } else { name }
}

fn is_digits(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_legal_character(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || matches!(character, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::TakenNames;

    fn check(headers: &[&str], expected: &[&str]) {
        let reserved = HashSet::from(["site".to_owned()]);
        let mut names = TakenNames::new(&reserved);
        let given: Vec<String> = headers.iter().map(|header| names.name_of_header(header)).collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn names_follow_the_rule() {
        check(&["Content-Type", "a.b_c", "trace id", "grün"], &["content-type", "a.b_c", "trace_id", "gr_n"]);
        check(&["42", ""], &["_42", "_"]);
    }

    #[test]
    fn our_names_are_never_given_to_headers() {
        check(
            &["kafka_offset", "KAFKA_x", "site"],
            &["header_kafka_offset", "header_kafka_x", "header_site"],
        );
    }

    /// A message of 1 MiB can carry that many headers; they take milliseconds, not the minutes of a search for each.
    #[test]
    fn many_headers_of_one_name_are_numbered_without_a_search() {
        let reserved = HashSet::from(["a.7".to_owned()]);
        let mut names = TakenNames::new(&reserved);
        let last = (0..100_000).map(|_| names.name_of_header("a")).last();
        assert_eq!(last.as_deref(), Some("a.100001"));
    }

    #[test]
    fn repeated_names_are_numbered_in_order() {
        check(&["a", "A", "a.2", "a", "a b", "a_b"], &["a", "a.2", "a.2.2", "a.3", "a_b", "a_b.2"]);
    }
}
