//! Pure. `HeaderNames`: under which labels headers were stored whose own name no label can have.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Most names that are kept for one topic or partition.
const NAMES_MAX: usize = 1_000;

/// Most bytes of names and labels, so that all of them fit into one block of the store's attachments.
const BYTES_MAX: usize = 64 * 1024;

/// The original names behind labels, as far as they differ: a label also stands for the header of its own name.
///
/// One label can stand for several names (`Trace ID` and `trace id` are both `trace_id`), so each has a list. There is a
/// limit, and `is_full` says when names were left out by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderNames {
    /// Label to names of headers.
    #[serde(default)]
    labels: BTreeMap<String, BTreeSet<String>>,
    /// Names were left out because there are too many.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_full: bool,
}

impl HeaderNames {
    /// Notes that the header `name` was stored under `label`; tells whether that is news.
    pub fn learn(&mut self, label: &str, name: &str) -> bool {
        if label == name || self.labels.get(label).is_some_and(|names| names.contains(name)) {
            return false;
        }
        if self.is_full {
            return false;
        }
        self.is_full = self.count() >= NAMES_MAX || self.bytes() + label.len() + name.len() > BYTES_MAX;
        if self.is_full {
            return true;
        }
        self.labels.entry(label.to_owned()).or_default().insert(name.to_owned())
    }

    /// Takes over what another list holds; tells whether there was news.
    pub fn merge(&mut self, other: &Self) -> bool {
        let pairs =
            other.labels.iter().flat_map(|(label, names)| names.iter().map(move |name| (label, name)));
        let learnt = pairs.filter(|(label, name)| self.learn(label, name)).count();
        let overflowed = other.is_full && !std::mem::replace(&mut self.is_full, true);
        learnt > 0 || overflowed
    }

    /// Returns the original names behind a label that are not the label itself.
    pub fn of_label(&self, label: &str) -> impl Iterator<Item = &str> {
        self.labels.get(label).into_iter().flatten().map(String::as_str)
    }

    /// Tells whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && !self.is_full
    }

    /// Tells whether names were left out because there are too many.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    fn count(&self) -> usize {
        self.labels.values().map(BTreeSet::len).sum()
    }

    fn bytes(&self) -> usize {
        let names = |names: &BTreeSet<String>| names.iter().map(String::len).sum::<usize>();
        self.labels.iter().map(|(label, list)| label.len() + names(list)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, HeaderNames, NAMES_MAX};

    fn names(pairs: &[(&str, &str)]) -> HeaderNames {
        let mut names = HeaderNames::default();
        for (label, name) in pairs {
            names.learn(label, name);
        }
        names
    }

    #[test]
    fn keeps_only_names_that_are_not_the_label() {
        let mut names = HeaderNames::default();
        assert!(!names.learn("site", "site"));
        assert!(names.is_empty());
        assert!(names.learn("trace_id", "Trace ID"));
        assert!(!names.learn("trace_id", "Trace ID"), "no news");
        assert!(names.learn("trace_id", "trace id"));
        assert_eq!(names.of_label("trace_id").collect::<Vec<_>>(), ["Trace ID", "trace id"]);
    }

    #[test]
    fn merging_loses_nothing_and_says_whether_there_was_news() {
        let mut all = names(&[("a", "A"), ("b", "B")]);
        assert!(!all.merge(&names(&[("b", "B")])));
        assert!(all.merge(&names(&[("a", "Ä"), ("c", "C")])));
        assert_eq!(all, names(&[("a", "A"), ("a", "Ä"), ("b", "B"), ("c", "C")]));
    }

    #[test]
    fn says_when_names_are_left_out() {
        let mut many = HeaderNames::default();
        for number in 0..NAMES_MAX {
            assert!(many.learn(&number.to_string(), "A"));
        }
        assert!(!many.is_full());
        assert!(many.learn("one", "more"), "that it is full is news");
        assert!(many.is_full() && !many.learn("another", "one"));
        let mut long = HeaderNames::default();
        assert!(long.learn("a", &"x".repeat(BYTES_MAX)));
        assert!(long.is_full() && !long.is_empty());
        assert!(names(&[]).merge(&long));
    }

    #[test]
    fn survives_the_way_through_json() {
        let text = serde_json::to_string(&names(&[("trace_id", "Trace ID")])).unwrap();
        assert_eq!(text, r#"{"labels":{"trace_id":["Trace ID"]}}"#);
        assert_eq!(serde_json::from_str::<HeaderNames>(&text).unwrap(), names(&[("trace_id", "Trace ID")]));
    }
}
