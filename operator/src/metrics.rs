//! Pure but for the numbers themselves. The operator's own numbers, named as other controllers name theirs.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafkasink_crds::resource::{KafkaSink, LostStatus};
use kube::ResourceExt;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// From a reconciliation that changes nothing to one that waits for every time-out.
const RECONCILE_SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How a reconciliation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Outcome {
    /// Everything is as the resource says.
    Success,
    /// Something is not yet as it should be; it is tried again.
    Requeue,
    /// The Kubernetes API failed.
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    controller: &'static str,
    result: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    namespace: String,
    sink: String,
}

/// Every number the operator reports.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    reconciliations: Family<OutcomeLabels, Counter>,
    durations: Histogram,
    active: Gauge,
    status_writes: Counter,
    leads: Gauge,
    retention_used: Family<SinkLabels, Gauge<f64, AtomicU64>>,
    lost: Family<SinkLabels, Gauge>,
    /// Which labels belong to a resource that is known by its uid alone when it is gone.
    sinks: Mutex<HashMap<String, SinkLabels>>,
}

impl Metrics {
    /// Returns numbers that all stand at zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            reconciliations: Family::default(),
            durations: Histogram::new(RECONCILE_SECONDS),
            active: Gauge::default(),
            status_writes: Counter::default(),
            leads: Gauge::default(),
            retention_used: Family::default(),
            lost: Family::default(),
            sinks: Mutex::default(),
            registry: Registry::default(),
        };
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("kafkasink_build", "The program's version", build);
        registry.register(
            "controller_runtime_reconcile",
            "Reconciliations by outcome",
            metrics.reconciliations.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "Length of a reconciliation",
            metrics.durations.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Reconciliations going on",
            metrics.active.clone(),
        );
        registry.register(
            "kafkasink_operator_status_writes",
            "Writes of a KafkaSink status",
            metrics.status_writes.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "Whether this operator leads (1) or stands by (0)",
            metrics.leads.clone(),
        );
        registry.register(
            "kafkasink_retention_used_ratio",
            "Age of the oldest message that waits to be stored, as a share of its topic's retention",
            metrics.retention_used.clone(),
        );
        registry.register(
            "kafkasink_lost_to_retention_messages",
            "Messages that retention deleted before they were stored, as the status of the resource counts them",
            metrics.lost.clone(),
        );
        Self { registry, ..metrics }
    }

    /// Counts a reconciliation that begins.
    pub(crate) fn begun(&self) {
        self.active.inc();
    }

    /// Counts a reconciliation that ended.
    pub(crate) fn ended(&self, outcome: Outcome, took: Duration) {
        self.active.dec();
        self.durations.observe(took.as_secs_f64());
        let labels = OutcomeLabels { controller: "kafkasink", result: outcome };
        self.reconciliations.get_or_create(&labels).inc();
    }

    /// Counts a write of a status.
    pub(crate) fn status_written(&self) {
        self.status_writes.inc();
    }

    /// Sets whether this operator leads.
    pub(crate) fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }

    /// Sets how close the messages of a sink are to the end of their retention, as far as that is known, and how many were lost.
    pub(crate) fn retention(&self, sink: &KafkaSink, used: Option<f64>, lost: Option<&LostStatus>) {
        let labels = SinkLabels { namespace: sink.namespace().unwrap_or_default(), sink: sink.name_any() };
        match used {
            Some(used) => {
                self.retention_used.get_or_create(&labels).set(used);
            }
            None => {
                self.retention_used.remove(&labels);
            }
        }
        self.lost.get_or_create(&labels).set(lost.map_or(0, |lost| lost.messages));
        self.sinks().insert(sink.uid().unwrap_or_default(), labels);
    }

    /// Forgets a resource that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        if let Some(labels) = self.sinks().remove(uid) {
            self.retention_used.remove(&labels);
            self.lost.remove(&labels);
        }
    }

    fn sinks(&self) -> MutexGuard<'_, HashMap<String, SinkLabels>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns everything in the text format that Prometheus reads.
    ///
    /// # Errors
    /// None that is known: writing into a string does not fail.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Metrics, Outcome};

    #[test]
    fn reports_what_was_counted() {
        let metrics = Metrics::new();
        metrics.begun();
        metrics.ended(Outcome::Success, Duration::from_millis(20));
        let text = metrics.encode().unwrap();
        for line in [
            "controller_runtime_reconcile_total{controller=\"kafkasink\",result=\"Success\"} 1",
            "controller_runtime_active_workers 0",
            "kafkasink_build_info{version=",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
