//! Pure but for a flag per sink. The sinks: their names, and what each is declared to be.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::options::Options;
use crate::lab::state::{KafkaAddress, StoreAddress};

/// Partitions of each topic.
pub(super) const PARTITIONS: usize = 3;
/// The Secret with the store's token, and its key.
pub(super) const TOKEN_SECRET: (&str, &str) = ("reductstore", "token");

/// All sinks of a run.
pub(super) struct Crowd {
    namespace: String,
    sinks_per_bucket: u16,
    /// Second byte of the addresses of the played pods: two runs on one machine choose different ones.
    network: u8,
    flowing: Vec<AtomicBool>,
}

impl Crowd {
    /// Returns the sinks of `namespace`.
    pub(super) fn new(namespace: &str, options: &Options, network: u8) -> Self {
        let flowing = std::iter::repeat_with(AtomicBool::default).take(options.sinks.into()).collect();
        Self { namespace: namespace.to_owned(), sinks_per_bucket: options.sinks_per_bucket, network, flowing }
    }

    /// Returns their numbers, from 0.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u16> + Clone + use<> {
        0..u16::try_from(self.flowing.len()).unwrap_or(u16::MAX)
    }

    /// Returns the name of a sink.
    pub(super) fn name(number: u16) -> String {
        format!("scale-{number}")
    }

    /// Returns the name of its `StatefulSet`.
    pub(super) fn set_name(number: u16) -> String {
        format!("{}-sink", Self::name(number))
    }

    /// Returns the number of the sink whose `StatefulSet` has this name.
    pub(super) fn number_of_set(set: &str) -> Option<u16> {
        set.strip_prefix("scale-")?.strip_suffix("-sink")?.parse().ok()
    }

    /// Returns the name of its topic.
    pub(super) fn topic(&self, number: u16) -> String {
        format!("{}.{number}", self.namespace)
    }

    /// Returns its consumer group, which it is given by default.
    pub(super) fn group(&self, number: u16) -> String {
        format!("{}.{}", self.namespace, Self::name(number))
    }

    /// Returns the address of its played pod.
    pub(super) fn address(&self, number: u16) -> Ipv4Addr {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(127, self.network, high, low)
    }

    /// Lets messages flow into the topic of a sink: its pods "run".
    pub(super) fn let_flow(&self, number: u16) {
        if let Some(flowing) = self.flowing.get(usize::from(number)) {
            flowing.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the numbers of the sinks into whose topics messages flow.
    pub(super) fn flowing(&self) -> Vec<u16> {
        let flows = |number: &u16| {
            self.flowing.get(usize::from(*number)).is_some_and(|flows| flows.load(Ordering::Relaxed))
        };
        self.numbers().filter(flows).collect()
    }

    /// Returns the manifest of a sink.
    pub(super) fn manifest(&self, number: u16, kafka: &KafkaAddress, store: &StoreAddress) -> Value {
        let token = json!({ "secretKeyRef": { "name": TOKEN_SECRET.0, "key": TOKEN_SECRET.1 } });
        let bucket = format!("{}-{}", self.namespace, number / self.sinks_per_bucket);
        json!({
            "apiVersion": "kafkasink.dev/v1alpha1", "kind": "KafkaSink", "metadata": { "name": Self::name(number) },
            "spec": {
                "kafka": { "bootstrapServers": [kafka.bootstrap] },
                "topics": [{
                    "name": self.topic(number), "partitions": PARTITIONS, "retention": { "time": "168h" },
                }],
                "reductStore": {
                    "url": store.url, "tokenFrom": token, "adminTokenFrom": token,
                    "bucket": { "name": bucket, "quota": { "type": "FIFO", "size": "1Gi" } },
                },
                "mapping": { "entry": "{topic}/{partition}" },
                "replicas": 1,
            },
        })
    }
}
