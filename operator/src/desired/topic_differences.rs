//! Pure. In what a topic differs from what is declared of it; what is not declared, or not told, does not differ.

use std::collections::BTreeMap;

use crate::model::{TopicView, ValidatedTopic};

/// Returns the declared configuration keys whose value the topic does not have.
pub(super) fn differing_config(topic: &ValidatedTopic, view: &TopicView) -> BTreeMap<String, String> {
    let Some(config) = &view.config else { return BTreeMap::new() };
    let differs = |key: &str, value: &str| !config.get(key).is_some_and(|now| is_same(now, value));
    let differing = topic.config.iter().filter(|(key, value)| differs(key, value));
    differing.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Returns every difference, like `partitions 3 instead of 6, retention.ms 1000 instead of 2000`; `None` without any.
pub(super) fn differences(topic: &ValidatedTopic, view: &TopicView) -> Option<String> {
    let partitions = topic.partitions.filter(|wanted| *wanted != view.partitions);
    let partitions = partitions.map(|wanted| difference("partitions", view.partitions, wanted));
    let replicas = topic.replication_factor.filter(|wanted| *wanted != view.replication_factor);
    let replicas = replicas.map(|wanted| difference("replicationFactor", view.replication_factor, wanted));
    let config = differing_config(topic, view).into_iter().map(|(key, wanted)| {
        let now = view.config.as_ref().and_then(|config| config.get(&key)).map_or("absent", String::as_str);
        difference(&key, now, wanted)
    });
    let all: Vec<_> = partitions.into_iter().chain(replicas).chain(config).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn difference(field: &str, now: impl std::fmt::Display, wanted: impl std::fmt::Display) -> String {
    format!("{field} {now} instead of {wanted}")
}

/// Brokers keep what a value means and show it in their own way: `compact, delete` as `compact,delete`, `0.50` as `0.5`,
/// `TRUE` as `true`. A value that only looks different must not be set again and again.
fn is_same(now: &str, wanted: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let words = |text: &str| text.split(',').map(|word| word.trim().to_ascii_lowercase()).collect::<Vec<_>>();
    match (now.parse::<i64>(), wanted.trim().parse::<i64>()) {
        (Ok(now), Ok(wanted)) => now == wanted,
        _ => number(now).is_some_and(|now| number(wanted) == Some(now)) || words(now) == words(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn takes_for_the_same_what_brokers_only_write_differently() {
        let check = |now, wanted, expected| assert_eq!(is_same(now, wanted), expected, "{now} {wanted}");
        check("compact,delete", "compact, delete", true);
        check("true", "TRUE", true);
        check("0.5", "0.50", true);
        check("9223372036854775807", "9223372036854775806", false);
        check("1000", " 1000", true);
        check("delete", "compact", false);
    }
}
