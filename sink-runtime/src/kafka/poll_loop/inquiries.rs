//! What the registry was asked, until it has answered. IO: none, the driver asks.

use std::collections::HashMap;

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use crate::record::{Topic, TopicPartition};
use crate::registry::TopicRecord;
use crate::source::SourceEvent;

/// What is known about a topic; none where nobody has claimed it.
type Known = Option<TopicRecord>;

/// Questions that are open, and answers that nobody has used yet.
#[derive(Default)]
pub(super) struct Inquiries {
    open: HashMap<Topic, oneshot::Receiver<Known>>,
    answers: HashMap<Topic, Known>,
}

impl Inquiries {
    /// Asks about a topic, unless that is under way.
    pub(super) fn ask(&mut self, topic: &Topic, cluster_id: &str, events: &mpsc::Sender<SourceEvent>) {
        if self.open.contains_key(topic) {
            return;
        }
        let (answer, answered) = oneshot::channel();
        let event = SourceEvent::Inquired { topic: topic.clone(), cluster_id: cluster_id.to_owned(), answer };
        if events.blocking_send(event).is_err() {
            debug!("nobody listens to the consumer any more");
        }
        self.open.insert(topic.clone(), answered);
    }

    /// Takes in what was answered; tells whether there is something new.
    pub(super) fn hear(&mut self) -> bool {
        let before = self.open.len();
        self.open.retain(|topic, answered| match answered.try_recv() {
            Ok(known) => {
                self.answers.insert(topic.clone(), known);
                false
            }
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Closed) => false,
        });
        self.open.len() < before
    }

    /// Returns the answers.
    pub(super) fn answers(&self) -> &HashMap<Topic, Known> {
        &self.answers
    }

    /// Forgets the answers about the topics of some partitions.
    pub(super) fn forget_answers(&mut self, partitions: &[TopicPartition]) {
        self.keep_answers(|topic| !partitions.iter().any(|partition| partition.topic == *topic));
    }

    /// Forgets the answers but those about some topics.
    pub(super) fn keep_answers(&mut self, mut is_unused: impl FnMut(&Topic) -> bool) {
        self.answers.retain(|topic, _| is_unused(topic));
    }
}
