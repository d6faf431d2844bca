//! Pure. What is to be done, and was done, to topics and bucket: things that outlive the resource.

use std::collections::BTreeMap;

use kafkasink_crds::bucket_name::BucketName;
use kafkasink_crds::topic_name::TopicName;

use super::{BucketView, KafkaView, Problem, StoreView, TopicView};

/// What is to be done outside Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Externals {
    /// One plan per topic; a problem where the cluster could not be asked.
    pub(crate) topics: Result<Vec<TopicPlan>, Problem>,
    /// The bucket; a problem where the store could not be asked.
    pub(crate) bucket: Result<BucketPlan, Problem>,
}

/// What is to be done to one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicPlan {
    /// The topic.
    pub(crate) name: TopicName,
    /// The older resource that decides about it, `namespace/name`; `None`: this one does.
    pub(crate) owner: Option<String>,
    /// The steps, in order.
    pub(crate) actions: Vec<TopicAction>,
    /// What cannot be done.
    pub(crate) problem: Option<Problem>,
    /// What is not as declared and is left alone on purpose.
    pub(crate) drift: Option<Problem>,
}

/// One step towards a topic as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TopicAction {
    /// Create it.
    Create(TopicCreation),
    /// Raise its partitions.
    RaisePartitions {
        /// How many there are.
        from: u32,
        /// How many there shall be.
        to: u32,
    },
    /// Set configuration keys that differ.
    SetConfig(BTreeMap<String, String>),
    /// Take away the birthmark, which is this configuration key: the status remembers now.
    Unmark(&'static str),
}

/// A topic to be created; what is `None` is the broker's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicCreation {
    /// Number of partitions.
    pub(crate) partitions: Option<u32>,
    /// Number of replicas.
    pub(crate) replication_factor: Option<u16>,
    /// Its configuration.
    pub(crate) config: BTreeMap<String, String>,
}

/// What is to be done to the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketPlan {
    /// The bucket.
    pub(crate) name: BucketName,
    /// The steps, in order.
    pub(crate) actions: Vec<BucketAction>,
    /// What cannot be done.
    pub(crate) problem: Option<Problem>,
    /// What is not as declared and is left alone on purpose.
    pub(crate) drift: Option<Problem>,
    /// Whether records can be written once the steps are done.
    pub(crate) usable: bool,
}

/// One step towards a bucket as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BucketAction {
    /// Create it with these settings.
    Create(BucketView),
    /// Change these settings.
    Set(BucketView),
    /// Keep records for so many seconds.
    SetRetention(u64),
    /// Keep records for ever.
    DropRetention,
}

/// What was done outside Kubernetes and how it looks now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppliedExternals {
    /// The cluster after all steps.
    pub(crate) kafka: Result<KafkaView, Problem>,
    /// The outcome for each topic, in the order of the resource.
    pub(crate) topics: Vec<TopicOutcome>,
    /// The store before the steps.
    pub(crate) store: Result<StoreView, Problem>,
    /// The outcome for the bucket.
    pub(crate) bucket: BucketOutcome,
}

/// What became of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicOutcome {
    /// The topic.
    pub(crate) name: TopicName,
    /// The older resource that decides about it, `namespace/name`; `None`: this one does.
    pub(crate) owner: Option<String>,
    /// The topic as it is now; `None` where it does not exist.
    pub(crate) view: Option<TopicView>,
    /// What was changed.
    pub(crate) changes: Vec<TopicChange>,
    /// What is not as declared, and should be.
    pub(crate) problem: Option<Problem>,
    /// What is not as declared and is left alone on purpose.
    pub(crate) drift: Option<Problem>,
}

impl TopicOutcome {
    /// Tells whether the whole topic could be compared with what is declared, its configuration above all.
    pub(crate) fn is_compared(&self) -> bool {
        self.view.as_ref().is_none_or(|view| view.config.is_some())
    }
}

/// A change that was made to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TopicChange {
    /// It was created.
    Created,
    /// It got more partitions.
    PartitionsRaised {
        /// How many there were.
        from: u32,
        /// How many there are.
        to: u32,
    },
    /// These configuration keys were set.
    ConfigSet(Vec<String>),
}

/// What became of the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BucketOutcome {
    /// Whether records can be written.
    pub(crate) usable: bool,
    /// Whether it was created now.
    pub(crate) created: bool,
    /// What is not as declared, and should be.
    pub(crate) problem: Option<Problem>,
    /// What is not as declared and is left alone on purpose.
    pub(crate) drift: Option<Problem>,
}
