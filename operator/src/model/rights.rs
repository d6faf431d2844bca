//! Pure. What the brokers let a sink do, as they say themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kafkasink_crds::topic_name::TopicName;

/// What can be done to a topic, as Kafka's permissions call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// See that it exists; whoever may do anything else may do this.
    Describe,
    /// See how it is configured.
    DescribeConfigs,
    /// Consume its messages.
    Read,
    /// Produce messages.
    Write,
    /// Create it.
    Create,
    /// Add partitions.
    Alter,
    /// Configure it.
    AlterConfigs,
    /// Delete it.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// What the brokers let a sink do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    /// What it may do to topics that exist, or that it may not even see; brokers that do not tell have none here.
    pub(crate) topics: BTreeMap<TopicName, BTreeSet<Operation>>,
    /// Whether it may consume as a member of its group; `None` where that was not told.
    pub(crate) may_read_group: Option<bool>,
}

impl Rights {
    /// Tells whether the brokers forbid something.
    pub(crate) fn lacks(&self, topic: &TopicName, operation: Operation) -> bool {
        self.topics.get(topic).is_some_and(|allowed| !allowed.contains(&operation))
    }

    /// Tells whether it cannot be told if a topic exists.
    pub(crate) fn hides(&self, topic: &TopicName) -> bool {
        self.lacks(topic, Operation::Describe)
    }
}
