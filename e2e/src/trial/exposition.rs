//! Pure. Reads metrics as Prometheus' text format exposes them.

use std::collections::BTreeMap;

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

/// Returns the values of a metric, one for each combination of its labels; one whose name only begins so has none here.
pub fn values<'a>(metrics: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let value = move |line: &'a str| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()).flatten()
    };
    metrics.lines().filter_map(value)
}

#[cfg(test)]
mod tests {
    use super::{Family, families, values};

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
}
