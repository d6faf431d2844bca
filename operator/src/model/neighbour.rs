//! Pure. Other resources that name what this one names, and who of them owns it.

use std::collections::BTreeMap;

use kafkasink_crds::resource::KafkaSink;
use kafkasink_crds::topic_name::TopicName;
use serde_json::Value;

/// Another resource that names a topic or a bucket of this one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neighbour {
    /// Whether it is older than this one.
    pub(crate) older: bool,
    /// The resource as it was seen last.
    pub(crate) resource: KafkaSink,
}

/// A resource that cannot be read: it was stored before the schema forbade it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unreadable {
    /// Which one it is, `namespace/name`.
    pub(crate) label: String,
    /// What it holds.
    pub(crate) content: Value,
}

/// What this resource names and an older one owns; owners are `namespace/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners {
    /// Who decides about the configuration of topics; a topic that is not here is this resource's.
    pub(crate) topics: BTreeMap<TopicName, String>,
    /// Who decides about the bucket's settings; `None`: this resource.
    pub(crate) bucket: Option<String>,
    /// Who writes entries that could meet this resource's.
    pub(crate) entries: Option<String>,
}
