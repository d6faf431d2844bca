//! Pure. Reads metrics as Prometheus' text format exposes them.

use std::collections::BTreeMap;

use anyhow::Context as _;

/// What a scrape tells about a metric, besides its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// What it is about, in words.
    pub help: String,
    /// Its kind: `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    /// Its unit, where it has one.
    pub unit: Option<String>,
}

/// Returns what a scrape tells about each metric, by the name that all its samples begin with.
#[must_use]
pub fn families(metrics: &str) -> BTreeMap<&str, Family> {
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    for line in metrics.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some("#"), Some(word), Some(name), Some(text)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let family = families.entry(name).or_default();
        match word {
            "HELP" => text.clone_into(&mut family.help),
            "TYPE" => text.clone_into(&mut family.kind),
            "UNIT" => family.unit = Some(text.to_owned()),
            _ => {}
        }
    }
    families
}

/// Returns labels and value of each sample of a metric; one whose name only begins so is another's.
pub fn samples<'a>(metrics: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let sample = move |line: &'a str| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' ')).flatten()
    };
    metrics.lines().filter_map(sample)
}

/// Returns the values of a metric, one for each combination of its labels.
pub fn values<'a>(metrics: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    samples(metrics, name).map(|(_, value)| value)
}

/// Returns the sum of a metric over all its labels; 0 where it has no sample yet.
///
/// # Errors
/// A value is no number.
pub fn sum(metrics: &str, name: &str) -> anyhow::Result<f64> {
    let read = |value: &str| value.parse::<f64>().with_context(|| format!("read {name}: {value:?}"));
    values(metrics, name).map(read).try_fold(0.0, |sum, value| Ok(sum + value?))
}

/// Tells whether a scrape has a sample: a name, with or without labels, where any value will do, or the whole line.
#[must_use]
pub fn has(metrics: &str, sample: &str) -> bool {
    values(metrics, sample).next().is_some() || metrics.lines().any(|line| line == sample)
}

#[cfg(test)]
mod tests {
    use super::{Family, families, has, sum, values};

    #[test]
    fn family_is_what_stands_before_the_values() {
        let metrics = "# HELP a_seconds what it is.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 4\n# EOF";
        let expected = Family {
            help: "what it is.".to_owned(),
            kind: "gauge".to_owned(),
            unit: Some("seconds".to_owned()),
        };
        assert_eq!(families(metrics).into_iter().collect::<Vec<_>>(), [("a_seconds", expected)]);
    }

    #[test]
    fn value_is_what_follows_name_and_labels() {
        let metrics = "# HELP a x\na{topic=\"t\"} 3\na 4\nab 5\n";
        assert_eq!(values(metrics, "a").collect::<Vec<_>>(), ["3", "4"]);
    }

    #[test]
    fn neighbour_whose_name_begins_alike_is_neither_added_up_nor_waited_for() {
        let metrics = "held 1\nheld_bytes 40\nheld{topic=\"t\"} 2\nwaits 12\nodd x\n";
        assert_eq!(sum(metrics, "held").unwrap().to_string(), "3");
        assert_eq!(sum(metrics, "absent").unwrap().to_string(), "0");
        assert!(sum(metrics, "odd").is_err());
        let there = ["held", "held 1", "held{topic=\"t\"} 2", "held{topic=\"t\"}", "waits 12"];
        assert!(there.iter().all(|sample| has(metrics, sample)));
        assert!(!["hel", "held 2", "waits 1"].iter().any(|sample| has(metrics, sample)));
    }
}
