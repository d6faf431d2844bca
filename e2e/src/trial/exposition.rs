//! Pure. Reads metrics as Prometheus' text format exposes them.

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
    use super::values;

    #[test]
    fn value_is_what_follows_name_and_labels() {
        let metrics = "# HELP a x\na{topic=\"t\"} 3\na 4\nab 5\n";
        assert_eq!(values(metrics, "a").collect::<Vec<_>>(), ["3", "4"]);
    }
}
