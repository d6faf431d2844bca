//! Pure. The parts of librdkafka's statistics that are used: where each partition ends, whether all of it was read, whether
//! its leader is connected, whether any broker is, and whether any is known.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::record::{Offset, Partition, Topic, TopicPartition};
use crate::source::End;

/// What the statistics tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Where the partitions end that the client knows about.
    pub(super) ends: Vec<End>,
    /// At least one broker has let the client in and is connected.
    pub(super) is_connected: bool,
    /// The client knows no broker that it could connect to.
    pub(super) is_blank: bool,
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    brokers: HashMap<String, BrokerStatistics>,
    #[serde(default)]
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct BrokerStatistics {
    /// -1 for one that is only known by its address.
    #[serde(default = "unknown_broker")]
    nodeid: i32,
    state: String,
    /// How the client has come to know it.
    source: String,
}

/// Sources of brokers that the client can connect to by their addresses: others, as that of a group's coordinator, stand for
/// one of these.
const KNOWN_SOURCES: [&str; 2] = ["configured", "learned"];

#[derive(Deserialize)]
struct TopicStatistics {
    #[serde(default)]
    partitions: HashMap<String, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    partition: i32,
    /// The broker that leads it; -1 where there is none.
    #[serde(default = "unknown_broker")]
    leader: i32,
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

fn unknown_broker() -> i32 {
    -1
}

/// Returns what the statistics tell; nothing where they cannot be read.
pub(super) fn read(json: &[u8]) -> Report {
    let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else {
        return Report::default();
    };
    let is_known = |broker: &BrokerStatistics| KNOWN_SOURCES.contains(&broker.source.as_str());
    let is_blank = !statistics.brokers.values().any(is_known);
    let up = statistics.brokers.values().filter(|broker| broker.state == "UP");
    let up: HashSet<i32> = up.map(|broker| broker.nodeid).collect();
    let mut ends = Vec::new();
    for (name, topic) in statistics.topics {
        let name = Topic::new(&name);
        let known = topic.partitions.into_values().filter(|p| p.partition >= 0 && p.ls_offset >= 0);
        ends.extend(known.map(|partition| {
            let at = TopicPartition { topic: name.clone(), partition: Partition(partition.partition) };
            let has_unread = partition.next_offset < partition.ls_offset || partition.fetchq_cnt > 0;
            // One that is only known by its address leads nothing.
            let is_away = partition.leader < 0 || !up.contains(&partition.leader);
            End { partition: at, offset: Offset(partition.ls_offset), has_unread, is_away }
        }));
    }
    Report { ends, is_connected: !up.is_empty(), is_blank }
}

#[cfg(test)]
mod tests {
    use super::{Report, read};

    #[test]
    fn unknown_ends_and_the_internal_partition_are_left_out() {
        let json = br#"{"name":"x","topics":{"t":{"topic":"t","partitions":{
            "0":{"partition":0,"hi_offset":9,"ls_offset":7,"next_offset":7,"fetchq_cnt":0},
            "1":{"partition":1,"ls_offset":-1001},
            "-1":{"partition":-1,"ls_offset":5}}}}}"#;
        let ends: Vec<String> =
            read(json).ends.iter().map(|end| format!("{} {}", end.partition, end.offset)).collect();
        assert_eq!(ends, ["t/0 7"]);
        assert_eq!(read(b"no json"), Report::default());
    }

    #[test]
    fn one_broker_that_is_up_is_a_connection() {
        let json = |state: &str| {
            format!(
                r#"{{"brokers":{{"a":{{"state":"INIT","source":"learned"}},"b":{{"state":"{state}","source":"learned"}}}}}}"#
            )
        };
        assert!(read(json("UP").as_bytes()).is_connected);
        assert!(!read(json("AUTH_REQ").as_bytes()).is_connected);
    }

    #[test]
    fn coordinator_alone_is_no_broker_that_is_known() {
        let json = |source: &str| {
            format!(
                r#"{{"brokers":{{"a":{{"state":"UP","source":"logical"}},"b":{{"state":"DOWN","source":"{source}"}}}}}}"#
            )
        };
        assert!(read(json("internal").as_bytes()).is_blank);
        assert!(!read(json("configured").as_bytes()).is_blank);
        assert!(!read(json("learned").as_bytes()).is_blank);
        assert!(!read(b"no json").is_blank, "what cannot be read tells nothing");
    }

    #[test]
    fn partition_is_read_when_nothing_is_left_to_fetch_or_to_take() {
        let check = |next_offset: i64, queued: u64, expected: bool| {
            let json = format!(
                r#"{{"topics":{{"t":{{"partitions":{{"0":{{"partition":0,"ls_offset":7,"next_offset":{next_offset},"fetchq_cnt":{queued}}}}}}}}}}}"#
            );
            let unread: Vec<bool> = read(json.as_bytes()).ends.iter().map(|end| end.has_unread).collect();
            assert_eq!(unread, [expected], "{json}");
        };
        check(7, 0, false);
        check(6, 0, true);
        check(7, 1, true);
    }

    #[test]
    fn partition_is_away_without_a_leader_that_is_connected() {
        let check = |leader: i32, state: &str, expected: bool| {
            let json = format!(
                r#"{{"brokers":{{
                "a":{{"nodeid":-1,"state":"UP","source":"configured"}},"b":{{"nodeid":2,"state":"UP","source":"learned"}},
                "c":{{"nodeid":3,"state":"{state}","source":"learned"}}}},
                "topics":{{"t":{{"partitions":{{"0":{{"partition":0,"ls_offset":7,"leader":{leader}}}}}}}}}}}"#
            );
            let away: Vec<bool> = read(json.as_bytes()).ends.iter().map(|end| end.is_away).collect();
            assert_eq!(away, [expected], "{json}");
        };
        check(3, "UP", false);
        check(3, "TRY_CONNECT", true);
        check(2, "DOWN", false);
        check(-1, "UP", true);
        check(4, "UP", true);
    }
}
