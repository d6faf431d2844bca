//! `AddressBook`: where the brokers are, told again to a client that has forgotten all of them. IO: none but the client's memory.
//!
//! A broker that has just started, or was frozen, may answer that its cluster has no brokers: it names those that are in touch
//! with the controller. librdkafka believes it, drops all that it knows, also those that it was configured with, and never
//! connects to any again (<https://github.com/confluentinc/librdkafka/issues/5301>). Its statistics show that.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafkasink_crds::runtime_config::KafkaConfig;
use kafkasink_kafka_ffi::add_brokers;
use prometheus_client::metrics::counter::Counter;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use tokio::time::Instant;
use tracing::{error, warn};

/// Reports running that must show no broker: one may fall between two that a client exchanges.
const REPORTS: u32 = 2;

/// Time between reminders.
const REMIND_EVERY: Duration = Duration::from_secs(10);

/// The brokers' addresses, and what a client's reports say of those that it knows.
#[derive(Debug)]
pub(super) struct AddressBook {
    addresses: String,
    reminders: Counter,
    memory: Mutex<Memory>,
}

/// How well the client remembers.
#[derive(Debug, Default)]
struct Memory {
    /// Reports running that showed no broker.
    blanks: u32,
    reminded_at: Option<Instant>,
}

impl AddressBook {
    /// Returns the addresses that a client is created with; `reminders` counts how often it had to be told again.
    pub(super) fn new(config: &KafkaConfig, reminders: Counter) -> Arc<Self> {
        let addresses = config.bootstrap_servers.join(",");
        Arc::new(Self { addresses, reminders, memory: Mutex::default() })
    }

    /// Notes whether a report of the client's shows no broker.
    pub(super) fn note(&self, is_blank: bool) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).note(is_blank);
    }

    /// Tells the client once more where the brokers are, if it has forgotten that.
    pub(super) fn remind<C: ClientContext>(&self, client: &Client<C>, now: Instant) {
        if !self.memory.lock().unwrap_or_else(PoisonError::into_inner).is_due(now) {
            return;
        }
        warn!("the kafka client has forgotten all brokers, it is told of them again");
        self.reminders.inc();
        if let Err(error) = add_brokers(client, &self.addresses) {
            error!(%error, "cannot tell the kafka client where the brokers are");
        }
    }
}

impl Memory {
    fn note(&mut self, is_blank: bool) {
        self.blanks = if is_blank { self.blanks.saturating_add(1) } else { 0 };
    }

    /// Tells whether the client is to be reminded now, and takes it that it is.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_early = self.reminded_at.is_some_and(|at| now < at + REMIND_EVERY);
        if self.blanks < REPORTS || is_early {
            return false;
        }
        // What was reported before says nothing of what follows.
        *self = Self { blanks: 0, reminded_at: Some(now) };
        true
    }
}

#[cfg(test)]
mod tests;
