//! Pure. The part of librdkafka's statistics that is used: where each partition ends.

use std::collections::HashMap;

use serde::Deserialize;

use crate::record::{Offset, Partition, Topic, TopicPartition};

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct TopicStatistics {
    #[serde(default)]
    partitions: HashMap<String, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    partition: i32,
    /// The last stable offset: what lies above belongs to open transactions.
    #[serde(default = "unknown")]
    ls_offset: i64,
}

fn unknown() -> i64 {
    -1
}

/// Returns where the partitions end that the statistics know about.
pub(super) fn ends(json: &[u8]) -> Vec<(TopicPartition, Offset)> {
    let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else {
        return Vec::new();
    };
    let mut ends = Vec::new();
    for (name, topic) in statistics.topics {
        let name = Topic::new(&name);
        let known = topic.partitions.into_values().filter(|p| p.partition >= 0 && p.ls_offset >= 0);
        ends.extend(known.map(|partition| {
            let at = TopicPartition { topic: name.clone(), partition: Partition(partition.partition) };
            (at, Offset(partition.ls_offset))
        }));
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn unknown_ends_and_the_internal_partition_are_left_out() {
        let json = br#"{"name":"x","topics":{"t":{"topic":"t","partitions":{
            "0":{"partition":0,"hi_offset":9,"ls_offset":7},
            "1":{"partition":1,"ls_offset":-1001},
            "-1":{"partition":-1,"ls_offset":5}}}}}"#;
        let ends: Vec<String> = ends(json).iter().map(|(at, end)| format!("{at} {end}")).collect();
        assert_eq!(ends, ["t/0 7"]);
        assert!(super::ends(b"no json").is_empty());
    }
}
