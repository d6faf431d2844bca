//! Pure. What brokers tell of topics, and of what we may do to them.

use std::collections::{BTreeMap, BTreeSet};

use kafkasink_crds::topic_name::TopicName;
use kafkasink_kafka_ffi::{self as ffi, DescribedTopic, NativeError};

use crate::model::{Operation, TopicView};

/// The topics that exist and that we may see.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenTopics {
    /// How they are, without their configuration.
    pub(super) views: BTreeMap<TopicName, TopicView>,
    /// What we may do to them; nothing to one that we may not even see.
    pub(super) rights: BTreeMap<TopicName, BTreeSet<Operation>>,
}

impl SeenTopics {
    /// Takes in what the brokers say of a topic.
    ///
    /// # Errors
    /// They do not say it for a reason of which nothing is known.
    pub(super) fn take(&mut self, (text, description): DescribedTopic) -> Result<(), NativeError> {
        let Ok(name) = TopicName::parse(&text) else { return Ok(()) };
        let description = match description {
            Ok(description) => description,
            Err(error) if error.is_unknown_topic() => return Ok(()),
            Err(error) if error.is_authorization() => {
                self.rights.insert(name, BTreeSet::new());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if !description.operations.is_empty() {
            self.rights.insert(name.clone(), description.operations.into_iter().map(operation).collect());
        }
        let view = TopicView {
            id: description.id,
            partitions: u32::try_from(description.partitions).unwrap_or(u32::MAX),
            replication_factor: u16::try_from(description.replication_factor).unwrap_or(u16::MAX),
            config: None,
        };
        self.views.insert(name, view);
        Ok(())
    }

    /// Returns the topics whose configuration we may see.
    pub(super) fn configurable(&self) -> Vec<TopicName> {
        let may_see = |name: &&TopicName| {
            self.rights.get(*name).is_none_or(|allowed| allowed.contains(&Operation::DescribeConfigs))
        };
        self.views.keys().filter(may_see).cloned().collect()
    }
}

fn operation(native: ffi::Operation) -> Operation {
    match native {
        ffi::Operation::Read => Operation::Read,
        ffi::Operation::Write => Operation::Write,
        ffi::Operation::Create => Operation::Create,
        ffi::Operation::Delete => Operation::Delete,
        ffi::Operation::Alter => Operation::Alter,
        ffi::Operation::Describe => Operation::Describe,
        ffi::Operation::DescribeConfigs => Operation::DescribeConfigs,
        ffi::Operation::AlterConfigs => Operation::AlterConfigs,
    }
}
