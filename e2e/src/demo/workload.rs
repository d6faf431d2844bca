//! Pure. The three workloads of the demo: which messages there are, made from their number alone.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::json;

/// What the messages of a workload hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// 1–900 KB of random bytes with headers `size` and `type`, like a camera's pictures.
    Blobs,
    /// A reading of a weather station as JSON.
    Weather,
    /// A JSON object that holds the message's own number.
    Numbers,
}

/// One workload: a topic, its sink and its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Name of the topic and of the `KafkaSink`; its entries in the store are `<name>/<partition>`.
    pub name: &'static str,
    /// Name of the bucket, as the manifest says.
    pub bucket: &'static str,
    /// What the messages hold.
    pub content: Content,
    /// Number of messages of the first act; those of the second are numbered on.
    pub messages: u64,
    /// Number of partitions, as the manifest says.
    pub partitions: u32,
    /// What makes its random bytes differ from those of the others.
    pub seed: u64,
    /// Milliseconds between two messages of the first act, in their own time and as they are produced.
    pub pace_ms: u64,
    /// The same in the second act, which has no number of messages: it ends when it has shown what it shows.
    pub second_pace_ms: u64,
}

/// All workloads of the demo.
pub const WORKLOADS: [Workload; 3] = [
    Workload {
        name: "cameras",
        bucket: "cameras",
        content: Content::Blobs,
        messages: 300,
        partitions: 4,
        pace_ms: 30,
        second_pace_ms: 250,
        seed: 1 << 32,
    },
    Workload {
        name: "weather",
        bucket: "readings",
        content: Content::Weather,
        messages: 10_000,
        partitions: 4,
        pace_ms: 1,
        second_pace_ms: 5,
        seed: 2 << 32,
    },
    Workload {
        name: "numbers",
        bucket: "numbers",
        content: Content::Numbers,
        messages: 10_000,
        partitions: 4,
        pace_ms: 1,
        second_pace_ms: 5,
        seed: 3 << 32,
    },
];

/// Which message was produced, and the time it bears: from these two it is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its number in its workload.
    pub index: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: u64,
}

/// One message as it is produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The partition it goes to.
    pub partition: i32,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: u64,
    /// The value.
    pub value: Bytes,
    /// Headers in order, name and text.
    pub headers: Vec<(&'static str, String)>,
    /// What the stored record must look like besides its body and time.
    pub record: Expected,
}

/// What the manifest promises for the record of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The labels, but for the sink's own `kafka_*`.
    pub labels: Vec<(&'static str, String)>,
    /// The content type.
    pub content_type: &'static str,
}

impl Workload {
    /// Makes a message, from the same number always the same one.
    ///
    /// # Panics
    /// If the workload has more partitions than Kafka can number.
    #[must_use]
    pub fn message(&self, Sent { index, timestamp_ms }: Sent) -> Message {
        let mut random = StdRng::seed_from_u64(self.seed ^ index);
        let value = match self.content {
            Content::Blobs => blob(&mut random),
            Content::Weather => weather(index, &mut random),
            Content::Numbers => json!({ "number": index }).to_string().into(),
        };
        let (headers, record) = self.content.headers_and_record(&value);
        let partition = index % u64::from(self.partitions);
        let partition = i32::try_from(partition).expect("Kafka numbers partitions by i32");
        Message { partition, timestamp_ms, value, headers, record }
    }
}

impl Content {
    /// Headers of a message with `value`, and what its manifest makes of them.
    fn headers_and_record(self, value: &Bytes) -> (Vec<(&'static str, String)>, Expected) {
        match self {
            Self::Blobs => {
                let headers = vec![("size", value.len().to_string()), ("type", "binary".into())];
                (headers.clone(), Expected { labels: headers, content_type: "application/octet-stream" })
            }
            Self::Weather => {
                let labels = vec![("site", "north".into())];
                let headers = vec![("content-type", "application/json".into())];
                (headers, Expected { labels, content_type: "application/json" })
            }
            Self::Numbers => {
                (Vec::new(), Expected { labels: Vec::new(), content_type: "application/octet-stream" })
            }
        }
    }
}

fn blob(random: &mut StdRng) -> Bytes {
    let mut bytes = vec![0; random.random_range(1_000..=900_000)];
    random.fill_bytes(&mut bytes);
    bytes.into()
}

fn weather(index: u64, random: &mut StdRng) -> Bytes {
    let reading = json!({
        "record_id": index,
        "temperature": f64::from(random.random_range(-200..400)) / 10.0,
        "CO_concentration": f64::from(random.random_range(0..900)) / 100.0,
        "humidity": random.random_range(0..=100),
    });
    reading.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::{Content, Sent, WORKLOADS};

    #[test]
    fn a_message_is_made_anew_from_its_number() {
        for workload in &WORKLOADS {
            let message = |index| workload.message(Sent { index, timestamp_ms: 1_000 });
            assert_eq!(message(7), message(7));
            assert_ne!(message(7), message(8));
        }
    }

    #[test]
    fn there_are_at_least_20_000_messages_in_all() {
        assert!(WORKLOADS.iter().map(|workload| workload.messages).sum::<u64>() >= 20_000);
    }

    #[test]
    fn blobs_have_1_to_900_kb_and_say_so_in_a_header() {
        let blobs = WORKLOADS.iter().find(|workload| workload.content == Content::Blobs).unwrap();
        for index in 0..20 {
            let message = blobs.message(Sent { index, timestamp_ms: 0 });
            assert!((1_000..=900_000).contains(&message.value.len()));
            assert_eq!(message.headers[0], ("size", message.value.len().to_string()));
        }
    }
}
