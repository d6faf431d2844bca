//! Pure. The metrics of the program: their names, help texts, and the handles of one partition.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::invariants::Invariant;
use crate::record::TopicPartition;

/// Bounds in seconds, from a request on the same machine to a long outage.
const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];

/// Labels of a metric that is kept for each partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PartitionLabels {
    topic: String,
    partition: i32,
}

/// Labels of the counter of broken invariants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InvariantLabels {
    invariant: &'static str,
}

/// Labels of the gauge of partitions that wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitingLabels {
    reason: &'static str,
}

/// All metrics of the program; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    records_stored: Family<PartitionLabels, Counter>,
    bytes_stored: Family<PartitionLabels, Counter>,
    duplicates: Family<PartitionLabels, Counter>,
    dead_letters: Family<PartitionLabels, Counter>,
    rewrites: Family<PartitionLabels, Counter>,
    expired: Family<PartitionLabels, Counter>,
    lost_to_retention: Family<PartitionLabels, Counter>,
    lag_messages: Family<PartitionLabels, Gauge>,
    lag_seconds: Family<PartitionLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    committed_offset: Family<PartitionLabels, Gauge>,
    violations: Family<InvariantLabels, Counter>,
    rebalances: Counter,
    reminders: Counter,
    held_bytes: Gauge,
    held_partitions: Gauge,
    waiting_partitions: Family<WaitingLabels, Gauge>,
    end_to_end: Histogram,
    write: Histogram,
}

/// The metrics of one partition.
#[derive(Clone, Debug)]
pub struct PartitionMetrics {
    /// Records that the store took.
    pub records_stored: Counter,
    /// Their payload bytes.
    pub bytes_stored: Counter,
    /// Records that the store had already.
    pub duplicates: Counter,
    /// Messages that went to the dead-letter topic.
    pub dead_letters: Counter,
    /// Records that were written once more because the store had lost them.
    pub rewrites: Counter,
    /// Records that the bucket's policy deleted before they were safe.
    pub expired: Counter,
    /// Time from a message's timestamp to its storage.
    pub end_to_end: Histogram,
    /// Time of a write request.
    pub write: Histogram,
}

impl Metrics {
    /// Registers all metrics and returns their handles.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            records_stored: Family::default(),
            bytes_stored: Family::default(),
            duplicates: Family::default(),
            dead_letters: Family::default(),
            rewrites: Family::default(),
            expired: Family::default(),
            lost_to_retention: Family::default(),
            lag_messages: Family::default(),
            lag_seconds: Family::default(),
            committed_offset: Family::default(),
            violations: Family::default(),
            rebalances: Counter::default(),
            reminders: Counter::default(),
            held_bytes: Gauge::default(),
            held_partitions: Gauge::default(),
            waiting_partitions: Family::default(),
            end_to_end: Histogram::new(SECONDS),
            write: Histogram::new(SECONDS),
        };
        metrics.register_counters(registry);
        metrics.register_gauges(registry);
        metrics.register_histograms(registry);
        for invariant in Invariant::ALL {
            drop(metrics.violations.get_or_create(&InvariantLabels::new(invariant)));
        }
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("kafkasink_build", "Version of the program", build);
        metrics
    }

    /// Returns the metrics of one partition. From now on each has a value: the first increase of a counter that comes into
    /// being with it is seen by nobody.
    #[must_use]
    pub fn partition(&self, partition: &TopicPartition) -> PartitionMetrics {
        let labels = PartitionLabels::new(partition);
        drop(self.lost_to_retention.get_or_create(&labels));
        PartitionMetrics {
            records_stored: self.records_stored.get_or_create_owned(&labels),
            bytes_stored: self.bytes_stored.get_or_create_owned(&labels),
            duplicates: self.duplicates.get_or_create_owned(&labels),
            dead_letters: self.dead_letters.get_or_create_owned(&labels),
            rewrites: self.rewrites.get_or_create_owned(&labels),
            expired: self.expired.get_or_create_owned(&labels),
            end_to_end: self.end_to_end.clone(),
            write: self.write.clone(),
        }
    }

    /// Sets how far a partition is behind.
    pub fn set_lag(&self, partition: &TopicPartition, messages: i64, seconds: f64) {
        let labels = PartitionLabels::new(partition);
        self.lag_messages.get_or_create(&labels).set(messages);
        self.lag_seconds.get_or_create(&labels).set(seconds);
    }

    /// Sets the offset that the broker has taken.
    pub fn set_committed(&self, partition: &TopicPartition, offset: i64) {
        self.committed_offset.get_or_create(&PartitionLabels::new(partition)).set(offset);
    }

    /// Counts messages that retention deleted before they were read.
    pub fn count_lost(&self, partition: &TopicPartition, messages: u64) {
        self.lost_to_retention.get_or_create(&PartitionLabels::new(partition)).inc_by(messages);
    }

    /// Counts a change of the partitions of this member.
    pub fn count_rebalance(&self) {
        self.rebalances.inc();
    }

    /// Returns what counts how often a client of Kafka had to be told again where the brokers are.
    #[must_use]
    pub fn reminders(&self) -> Counter {
        self.reminders.clone()
    }

    /// Sets the bytes of messages in memory and the number of partitions that stand still.
    pub fn set_held(&self, bytes: usize, partitions: usize) {
        self.held_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.held_partitions.set(i64::try_from(partitions).unwrap_or(i64::MAX));
    }

    /// Sets the number of partitions that wait for a reason.
    pub fn set_waiting(&self, reason: &'static str, partitions: usize) {
        let gauge = self.waiting_partitions.get_or_create(&WaitingLabels { reason });
        gauge.set(i64::try_from(partitions).unwrap_or(i64::MAX));
    }

    /// Counts a broken promise of the program.
    pub fn count_violation(&self, invariant: Invariant) {
        self.violations.get_or_create(&InvariantLabels::new(invariant)).inc();
    }

    /// Forgets the state of a partition that is gone; its counters stay.
    pub fn forget(&self, partition: &TopicPartition) {
        let labels = PartitionLabels::new(partition);
        self.lag_messages.remove(&labels);
        self.lag_seconds.remove(&labels);
        self.committed_offset.remove(&labels);
    }

    fn register_counters(&self, registry: &mut Registry) {
        let families = [
            ("kafkasink_records_stored", "Records that the store has taken", &self.records_stored),
            ("kafkasink_bytes_stored", "Payload bytes that the store has taken", &self.bytes_stored),
            ("kafkasink_duplicates", "Records that the store had already", &self.duplicates),
            ("kafkasink_dead_letters", "Messages delivered to the dead-letter topic", &self.dead_letters),
            ("kafkasink_rewrites", "Records written once more because the store lost them", &self.rewrites),
            (
                "kafkasink_expired",
                "Records that the bucket's policy deleted before they were proven safe",
                &self.expired,
            ),
            (
                "kafkasink_lost_to_retention",
                "Offsets that Kafka's retention deleted before they were read",
                &self.lost_to_retention,
            ),
        ];
        for (name, help, family) in families {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "kafkasink_rebalances",
            "Changes of the partitions of this member by its group",
            self.rebalances.clone(),
        );
        registry.register(
            "kafkasink_brokers_forgotten",
            "Times that a Kafka client knew no broker any more and was told of them again",
            self.reminders.clone(),
        );
        registry.register(
            "kafkasink_invariant_violations",
            "Broken invariants of the program; anything above zero is a bug",
            self.violations.clone(),
        );
    }

    fn register_gauges(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "kafkasink_waiting",
            "Partitions of this member that wait, by what they wait for",
            Unit::Other("partitions".to_owned()),
            self.waiting_partitions.clone(),
        );
        registry.register_with_unit(
            "kafkasink_consumer_lag",
            "Age of the oldest message that is not stored yet, in seconds",
            Unit::Seconds,
            self.lag_seconds.clone(),
        );
        registry.register_with_unit(
            "kafkasink_consumer_lag",
            "Messages that are not stored yet",
            Unit::Other("messages".to_owned()),
            self.lag_messages.clone(),
        );
        registry.register(
            "kafkasink_committed_offset",
            "Next offset to read, as the broker has taken it",
            self.committed_offset.clone(),
        );
        registry.register_with_unit(
            "kafkasink_held",
            "Bytes of messages in memory",
            Unit::Bytes,
            self.held_bytes.clone(),
        );
        registry.register_with_unit(
            "kafkasink_held",
            "Partitions that stand still until a person acts",
            Unit::Other("partitions".to_owned()),
            self.held_partitions.clone(),
        );
    }

    fn register_histograms(&self, registry: &mut Registry) {
        let histograms = [
            (
                "kafkasink_end_to_end",
                "Time from the timestamp of a message until the store has it, in seconds",
                &self.end_to_end,
            ),
            ("kafkasink_write", "Time of a write request to the store, in seconds", &self.write),
        ];
        for (name, help, histogram) in histograms {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
    }
}

impl InvariantLabels {
    fn new(invariant: Invariant) -> Self {
        Self { invariant: invariant.name() }
    }
}

impl PartitionLabels {
    fn new(partition: &TopicPartition) -> Self {
        Self { topic: partition.topic.as_str().to_owned(), partition: partition.partition.0 }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::Metrics;
    use crate::record::{Partition, Topic, TopicPartition};

    #[test]
    fn names_are_those_that_dashboards_rely_on() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let partition = TopicPartition { topic: Topic::new("t"), partition: Partition(3) };
        metrics.partition(&partition).records_stored.inc();
        metrics.set_lag(&partition, 5, 1.5);
        metrics.set_waiting("leave", 2);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "kafkasink_records_stored_total{topic=\"t\",partition=\"3\"} 1",
            "kafkasink_consumer_lag_messages{topic=\"t\",partition=\"3\"} 5",
            "kafkasink_consumer_lag_seconds{topic=\"t\",partition=\"3\"} 1.5",
            "kafkasink_rebalances_total 0",
            "kafkasink_held_partitions 0",
            "kafkasink_waiting_partitions{reason=\"leave\"} 2",
            "kafkasink_build_info{version=",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }
}
