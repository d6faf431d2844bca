//! Pure but for the numbers themselves. The operator's own numbers, named as other controllers name theirs.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafkasink_crds::resource::{KafkaSink, LostStatus};
use kube::ResourceExt;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::model::End;

/// From a reconciliation that changes nothing to one that waits for every time-out.
const RECONCILE_SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How a reconciliation ended, in the words of controller-runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// Everything is as the resource says, or only the resource can change that.
    Success,
    /// Something is under way and is looked at soon.
    RequeueAfter,
    /// Something failed and is tried again, after longer and longer pauses.
    Requeue,
    /// The Kubernetes API failed.
    Error,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        fmt::Write::write_str(
            encoder,
            match self {
                Self::Success => "success",
                Self::RequeueAfter => "requeue_after",
                Self::Requeue => "requeue",
                Self::Error => "error",
            },
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    result: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    namespace: String,
    sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NamespaceLabels {
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CredentialLabels {
    namespace: String,
    sink: String,
    credential: &'static str,
}

impl CredentialLabels {
    fn new(SinkLabels { namespace, sink }: &SinkLabels, credential: &'static str) -> Self {
        Self { namespace: namespace.clone(), sink: sink.clone(), credential }
    }
}

/// What is known of a resource that is known by its uid alone when it is gone.
#[derive(Debug)]
struct Told {
    labels: SinkLabels,
    credentials: BTreeSet<&'static str>,
}

/// Every number the operator reports.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    reconciliations: Family<OutcomeLabels, Counter>,
    errors: Counter,
    durations: Histogram,
    active: Gauge,
    concurrency: Gauge,
    depth: Gauge,
    adds: Counter,
    waits: Histogram,
    status_writes: Counter,
    leads: Gauge,
    watched: Family<NamespaceLabels, Gauge>,
    retention_used: Family<SinkLabels, Gauge<f64, AtomicU64>>,
    lost: Family<SinkLabels, Gauge>,
    expiries: Family<CredentialLabels, Gauge>,
    /// By the uid of the resource.
    sinks: Mutex<HashMap<String, Told>>,
}

impl Metrics {
    /// Returns numbers that all stand at zero.
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::default(),
            reconciliations: Family::default(),
            errors: Counter::default(),
            durations: Histogram::new(RECONCILE_SECONDS),
            active: Gauge::default(),
            concurrency: Gauge::default(),
            depth: Gauge::default(),
            adds: Counter::default(),
            waits: Histogram::new(RECONCILE_SECONDS),
            status_writes: Counter::default(),
            leads: Gauge::default(),
            watched: Family::default(),
            retention_used: Family::default(),
            lost: Family::default(),
            expiries: Family::default(),
            sinks: Mutex::default(),
        };
        let mut registry = Registry::default();
        metrics
            .register_controller(registry.sub_registry_with_label(("controller".into(), "kafkasink".into())));
        metrics.register_own(&mut registry);
        Self { registry, ..metrics }
    }

    /// What every controller of controller-runtime reports, as far as kube's controller lets it be known.
    fn register_controller(&self, registry: &mut Registry) {
        let reconciliations = self.reconciliations.clone();
        registry.register("controller_runtime_reconcile", "Reconciliations by outcome", reconciliations);
        let gauges = [
            ("controller_runtime_active_workers", "Reconciliations going on", &self.active),
            ("controller_runtime_max_concurrent_reconciles", "Most of them at a time", &self.concurrency),
            ("workqueue_depth", "Resources that wait to be reconciled", &self.depth),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters = [
            ("controller_runtime_reconcile_errors", "Reconciliations that failed", &self.errors),
            ("workqueue_adds", "Resources that began to wait", &self.adds),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let histograms = [
            ("controller_runtime_reconcile_time_seconds", "Length of a reconciliation", &self.durations),
            ("workqueue_queue_duration_seconds", "How long a resource waited", &self.waits),
        ];
        for (name, help, histogram) in histograms {
            registry.register(name, help, histogram.clone());
        }
    }

    fn register_own(&self, registry: &mut Registry) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("kafkasink_build", "The program's version", build);
        registry.register(
            "kafkasink_operator_status_writes",
            "Writes of a KafkaSink status",
            self.status_writes.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "Whether this operator leads (1) or stands by (0)",
            self.leads.clone(),
        );
        registry.register(
            "kafkasink_operator_namespace_watched",
            "Whether the KafkaSinks of a namespace are watched (1) or could not be listed yet (0); no name: of all namespaces",
            self.watched.clone(),
        );
        registry.register(
            "kafkasink_operator_retention_used_ratio",
            "Age of the oldest message that waits to be stored, as a share of its topic's retention",
            self.retention_used.clone(),
        );
        registry.register(
            "kafkasink_operator_lost_to_retention_messages",
            "Messages that retention deleted before they were stored, as the status of the resource counts them",
            self.lost.clone(),
        );
        registry.register_with_unit(
            "kafkasink_operator_credential_expiry_timestamp",
            "When a certificate or token of a sink ends, since 1970; those that never end are not here",
            Unit::Seconds,
            self.expiries.clone(),
        );
    }

    /// Sets how many reconciliations may go on at the same time.
    pub(crate) fn set_concurrency(&self, concurrency: u16) {
        self.concurrency.set(concurrency.into());
    }

    /// Counts a resource that begins to wait for its reconciliation.
    pub(crate) fn queued(&self) {
        self.adds.inc();
        self.depth.inc();
    }

    /// Counts a resource that has waited.
    pub(crate) fn taken(&self, waited: Duration) {
        self.depth.dec();
        self.waits.observe(waited.as_secs_f64());
    }

    /// Counts a reconciliation that begins.
    pub(crate) fn begun(&self) {
        self.active.inc();
    }

    /// Counts a reconciliation that ended.
    pub(crate) fn ended(&self, outcome: Outcome, took: Duration) {
        self.active.dec();
        self.durations.observe(took.as_secs_f64());
        self.reconciliations.get_or_create(&OutcomeLabels { result: outcome }).inc();
        if outcome == Outcome::Error {
            self.errors.inc();
        }
    }

    /// Counts a write of a status.
    pub(crate) fn status_written(&self) {
        self.status_writes.inc();
    }

    /// Sets whether this operator leads.
    pub(crate) fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }

    /// Sets whether the resources of a namespace are watched; no name stands for all namespaces.
    pub(crate) fn watches(&self, namespace: &str, watches: bool) {
        let labels = NamespaceLabels { namespace: namespace.to_owned() };
        self.watched.get_or_create(&labels).set(i64::from(watches));
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
        self.sinks()
            .entry(sink.uid().unwrap_or_default())
            .or_insert(Told { labels, credentials: BTreeSet::new() });
    }

    /// Sets when the credentials of a sink end; what could not be seen stays as it was.
    pub(crate) fn expiries(&self, sink: &KafkaSink, ends: impl Iterator<Item = (&'static str, End)>) {
        let labels = SinkLabels { namespace: sink.namespace().unwrap_or_default(), sink: sink.name_any() };
        let mut sinks = self.sinks();
        let told = sinks
            .entry(sink.uid().unwrap_or_default())
            .or_insert_with(|| Told { labels, credentials: BTreeSet::new() });
        for (credential, end) in ends {
            let series = CredentialLabels::new(&told.labels, credential);
            match end {
                End::At(end) => {
                    self.expiries.get_or_create_owned(&series).set(end.as_second());
                    told.credentials.insert(credential);
                }
                End::Never => {
                    self.expiries.remove(&series);
                    told.credentials.remove(credential);
                }
                End::Unseen => {}
            }
        }
    }

    /// Forgets a resource that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        if let Some(Told { labels, credentials }) = self.sinks().remove(uid) {
            self.retention_used.remove(&labels);
            self.lost.remove(&labels);
            for credential in credentials {
                self.expiries.remove(&CredentialLabels::new(&labels, credential));
            }
        }
    }

    fn sinks(&self) -> MutexGuard<'_, HashMap<String, Told>> {
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
    use jiff::Timestamp;

    use super::{Duration, End, KafkaSink, Metrics, Outcome};

    #[test]
    fn an_end_stays_while_it_cannot_be_seen_and_goes_with_what_ends() {
        let metrics = Metrics::new();
        let manifest = include_str!("../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(manifest).unwrap();
        sink.metadata.uid = Some("u".to_owned());
        let check = |end: End, expected: bool| {
            metrics.expiries(&sink, [("store_token", end)].into_iter());
            let text = metrics.encode().unwrap();
            assert_eq!(text.contains("credential=\"store_token\"} 5\n"), expected, "{end:?}: {text}");
        };
        check(End::Unseen, false);
        check(End::At(Timestamp::constant(5, 0)), true);
        check(End::Unseen, true);
        check(End::Never, false);
        check(End::At(Timestamp::constant(5, 0)), true);
        metrics.forget("u");
        assert!(!metrics.encode().unwrap().contains("store_token"));
    }

    #[test]
    fn reports_what_was_counted() {
        let metrics = Metrics::new();
        metrics.queued();
        metrics.queued();
        metrics.taken(Duration::from_millis(1));
        metrics.begun();
        metrics.ended(Outcome::Success, Duration::from_millis(20));
        let text = metrics.encode().unwrap();
        for line in [
            "controller_runtime_reconcile_total{controller=\"kafkasink\",result=\"success\"} 1",
            "controller_runtime_reconcile_errors_total{controller=\"kafkasink\"} 0",
            "controller_runtime_active_workers{controller=\"kafkasink\"} 0",
            "controller_runtime_reconcile_time_seconds_count{controller=\"kafkasink\"} 1",
            "workqueue_depth{controller=\"kafkasink\"} 1",
            "kafkasink_build_info{version=",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
