//! Pure. The part of librdkafka's statistics that is used: where each partition ends, and whether all of it was read.

use std::collections::HashMap;

use serde::Deserialize;

use crate::record::{Offset, Partition, Topic, TopicPartition};
use crate::source::End;

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
    /// What is fetched next: behind transaction markers and gaps, where the last message lies before them.
    #[serde(default = "unknown")]
    next_offset: i64,
    /// Messages that were fetched and not taken yet.
    #[serde(default)]
    fetchq_cnt: u64,
}

fn unknown() -> i64 {
    -1
}

/// Returns where the partitions end that the statistics know about.
pub(super) fn ends(json: &[u8]) -> Vec<End> {
    let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else {
        return Vec::new();
    };
    let mut ends = Vec::new();
    for (name, topic) in statistics.topics {
        let name = Topic::new(&name);
        let known = topic.partitions.into_values().filter(|p| p.partition >= 0 && p.ls_offset >= 0);
        ends.extend(known.map(|partition| {
            let at = TopicPartition { topic: name.clone(), partition: Partition(partition.partition) };
            let has_unread = partition.next_offset < partition.ls_offset || partition.fetchq_cnt > 0;
            End { partition: at, offset: Offset(partition.ls_offset), has_unread }
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
            "0":{"partition":0,"hi_offset":9,"ls_offset":7,"next_offset":7,"fetchq_cnt":0},
            "1":{"partition":1,"ls_offset":-1001},
            "-1":{"partition":-1,"ls_offset":5}}}}}"#;
        let ends: Vec<String> =
            ends(json).iter().map(|end| format!("{} {}", end.partition, end.offset)).collect();
        assert_eq!(ends, ["t/0 7"]);
        assert!(super::ends(b"no json").is_empty());
    }

    #[test]
    fn partition_is_read_when_nothing_is_left_to_fetch_or_to_take() {
        let check = |next_offset: i64, queued: u64, expected: bool| {
            let json = format!(
                r#"{{"topics":{{"t":{{"partitions":{{"0":{{"partition":0,"ls_offset":7,"next_offset":{next_offset},"fetchq_cnt":{queued}}}}}}}}}}}"#
            );
            let unread: Vec<bool> = ends(json.as_bytes()).iter().map(|end| end.has_unread).collect();
            assert_eq!(unread, [expected], "{json}");
        };
        check(7, 0, false);
        check(6, 0, true);
        check(7, 1, true);
    }
}
