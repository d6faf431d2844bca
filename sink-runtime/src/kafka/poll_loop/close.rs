//! The end: the last commit, and leaving the group where the member will not return. IO: Kafka.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::debug;

use super::PollLoop;
use crate::kafka::consumer_context::Context;
use crate::source::Commit;

/// How long each step of leaving may take.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// Time between looks whether they are gone.
const KEPT_NAP: Duration = Duration::from_millis(5);

/// How long messages that travel to the store may keep the consumer: it takes no part in its group any more.
const KEPT_PATIENCE: Duration = Duration::from_secs(1);

impl PollLoop {
    /// Commits, and leaves the group where the member goes for good.
    pub(super) fn close(
        &mut self,
        mut commits: Vec<Commit>,
        leaves: bool,
        done: oneshot::Sender<Result<(), KafkaError>>,
    ) {
        self.keep_owned(&mut commits);
        let outcome = self.committer.commit_and_wait(commits);
        if leaves {
            self.leave();
        }
        if done.send(outcome).is_err() {
            debug!("nobody waits for the consumer to close");
        }
    }

    /// Leaves the group, so that the others need not wait for the session to end.
    fn leave(&mut self) {
        self.feeds.clear();
        let context = Arc::clone(self.consumer.context());
        context.begin_close();
        // A member that is only about to join cannot say that it leaves: the group does not know it by its id yet.
        self.serve_until(|_| context.has_joined());
        self.consumer.unsubscribe();
        // Also partitions that are not read, because nobody knows yet where they begin, must be given back.
        self.serve_until(|consumer| {
            !context.has_partitions() && consumer.assignment().is_ok_and(|list| list.count() == 0)
        });
    }

    /// Serves callbacks until a condition holds, for a limited time.
    fn serve_until(&self, holds: impl Fn(&BaseConsumer<Context>) -> bool) {
        let deadline = Instant::now() + LEAVE_PATIENCE;
        while !holds(&self.consumer) && Instant::now() < deadline {
            let _served = self.consumer.poll(Duration::from_millis(20)).is_some();
        }
    }
}

/// Ends the consumer as soon as no message is kept any more, so that this thread waits for it to close and nobody else; one
/// that is kept for longer ends it when it is dropped.
pub(super) fn last(consumer: Arc<BaseConsumer<Context>>) {
    let deadline = Instant::now() + KEPT_PATIENCE;
    while Arc::strong_count(&consumer) > 1 && Instant::now() < deadline {
        std::thread::park_timeout(KEPT_NAP);
    }
    if Arc::strong_count(&consumer) > 1 {
        debug!("messages are still kept, the consumer closes without them");
        close_now(&consumer);
    }
    drop(consumer);
}

/// Gives the membership up: a successor with the same instance id must not meet a consumer that nobody serves any more.
fn close_now(consumer: &BaseConsumer<Context>) {
    if let Err(error) = consumer.close_queue() {
        debug!(%error, "the consumer is closed already");
        return;
    }
    let deadline = Instant::now() + KEPT_PATIENCE;
    while !consumer.closed() && Instant::now() < deadline {
        let _served = consumer.poll(Duration::from_millis(20)).is_some();
    }
}
