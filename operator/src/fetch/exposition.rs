//! Pure. Reads what a member serves at `/metrics`.

use std::collections::BTreeMap;
use std::time::Duration;

use kafkasink_crds::topic_name::TopicName;

use crate::model::{MemberReport, Partition};

/// One line: a name, the text of its labels, and a value.
struct Sample<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

/// Returns what the metrics of a member say.
pub(super) fn read(metrics: &str, pod: &str, run: &str) -> MemberReport {
    let mut report = MemberReport { pod: pod.to_owned(), run: run.to_owned(), ..MemberReport::default() };
    let (mut lost, mut ages, mut messages) = (0.0, BTreeMap::new(), BTreeMap::new());
    for sample in metrics.lines().filter_map(sample) {
        match (sample.name, label(sample.labels, "reason")) {
            ("kafkasink_consumer_lag_seconds", _) => note(&mut ages, &sample),
            ("kafkasink_consumer_lag_messages", _) => note(&mut messages, &sample),
            ("kafkasink_lost_to_retention_total", _) => lost += sample.value,
            ("kafkasink_waiting_partitions", Some("hold")) => report.held = count(sample.value),
            ("kafkasink_waiting_partitions", Some("expired")) => report.expired = count(sample.value),
            ("kafkasink_waiting_partitions", Some("needs_start")) => {
                report.without_start = count(sample.value);
            }
            ("kafkasink_waiting_partitions", Some("mapping_drain")) => report.draining = count(sample.value),
            _ => {}
        }
    }
    report.lost = u64::from(count(lost));
    // Messages that wait and have no age are those that the member has not read yet.
    ages.retain(|partition, age| {
        *age > 0.0 || messages.get(partition).is_some_and(|waiting| *waiting <= 0.0)
    });
    let ages = ages.into_iter().filter_map(|(at, age)| Some((at, Duration::try_from_secs_f64(age).ok()?)));
    report.ages = ages.collect();
    report
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (before, value) = line.rsplit_once(' ')?;
    let (name, labels) = before.split_once('{').unwrap_or((before, "}"));
    Some(Sample { name, labels: labels.strip_suffix('}')?, value: value.parse().ok()? })
}

/// The values are names of topics, numbers and words of ours: none holds a quotation mark.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    value.strip_prefix('"')?.strip_suffix('"')
}

fn note(values: &mut BTreeMap<Partition, f64>, sample: &Sample<'_>) {
    let topic = label(sample.labels, "topic").and_then(|topic| TopicName::parse(topic).ok());
    let partition = label(sample.labels, "partition").and_then(|partition| partition.parse().ok());
    if let (Some(topic), Some(partition)) = (topic, partition) {
        values.insert((topic, partition), sample.value);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
fn count(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::{Duration, read};

    #[test]
    fn reads_what_a_member_says_of_its_partitions() {
        let text = "# TYPE kafkasink_consumer_lag_seconds gauge\n\
                    # UNIT kafkasink_consumer_lag_seconds seconds\n\
                    kafkasink_consumer_lag_seconds{topic=\"a.b\",partition=\"0\"} 1.5\n\
                    kafkasink_consumer_lag_seconds{topic=\"c\",partition=\"1\"} 12\n\
                    kafkasink_consumer_lag_seconds{topic=\"c\",partition=\"2\"} 0\n\
                    kafkasink_consumer_lag_messages{topic=\"c\",partition=\"2\"} 0\n\
                    kafkasink_consumer_lag_seconds{topic=\"c\",partition=\"3\"} 0\n\
                    kafkasink_consumer_lag_messages{topic=\"c\",partition=\"3\"} 8\n\
                    kafkasink_consumer_lag_seconds_max 99\n\
                    kafkasink_lost_to_retention_total{topic=\"c\",partition=\"0\"} 3\n\
                    kafkasink_lost_to_retention_total{topic=\"c\",partition=\"1\"} 4\n\
                    kafkasink_held_partitions 3\n\
                    kafkasink_waiting_partitions{reason=\"hold\"} 2\n\
                    kafkasink_waiting_partitions{reason=\"expired\"} 1\n\
                    kafkasink_waiting_partitions{reason=\"needs_start\"} 4\n\
                    kafkasink_waiting_partitions{reason=\"turn\"} 7\n\
                    # EOF\n";
        let report = read(text, "a-sink-0", "run");
        let ages: Vec<_> =
            report.ages.iter().map(|((topic, partition), age)| (topic.as_str(), *partition, *age)).collect();
        let [odd, old] = [Duration::from_millis(1500), Duration::from_secs(12)];
        assert_eq!(ages, [("a.b", 0, odd), ("c", 1, old), ("c", 2, Duration::ZERO)]);
        assert_eq!((report.lost, report.held, report.expired, report.without_start), (7, 2, 1, 4));
        assert_eq!(report.draining, 0);
        assert_eq!(read("nonsense\n{} 3\n", "p", "r").ages.len(), 0);
    }
}
