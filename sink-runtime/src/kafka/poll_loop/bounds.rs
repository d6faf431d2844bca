//! Finds out how far an earlier owner can have gone, once it can go no further. IO: Kafka.
//!
//! What it has promised runs far ahead of what it can have been given: of a quiet topic for days. The end of the log tells
//! more, if it is asked for when an owner that is still at work has surely heard nothing of its group for too long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::debug;

use super::PollLoop;
use super::look::Look;
use crate::kafka::ends::highs;
use crate::kafka::feed::Feed;
use crate::lease::BELIEVED_FOR;
use crate::record::{Offset, TopicPartition};
use crate::source::SourceEvent;

/// Time between attempts where nobody tells.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Where partitions end.
type Ends = BTreeMap<TopicPartition, Offset>;

/// Partitions of which that is to be found out, and the look that is under way.
#[derive(Default)]
pub(super) struct Bounds {
    questions: Questions,
    look: Look<Ends>,
}

/// Which partitions are to be asked about, and when.
#[derive(Debug, Default)]
struct Questions(BTreeMap<TopicPartition, Question>);

#[derive(Clone, Copy, Debug)]
enum Question {
    /// It is asked then.
    At(Instant),
    /// It was.
    Asked,
}

impl Bounds {
    /// Notes a partition that this member has taken over by a commit: from then on the group takes none of the earlier owner.
    pub(super) fn expect(&mut self, partition: TopicPartition, taken_over: Instant) {
        self.questions.expect(partition, taken_over);
    }

    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.questions.0.retain(|partition, _| !partitions.contains(partition));
    }
}

impl PollLoop {
    /// Asks about the partitions whose time has come, and tells what was answered.
    pub(super) fn bound(&mut self, runtime: &Handle) {
        if let Some(ends) = self.bounds.look.take(runtime) {
            let is_open = |partition: &TopicPartition| self.feeds.get(partition).is_some_and(Feed::is_open);
            for (partition, offset) in self.bounds.questions.answered(Instant::now(), ends, is_open) {
                self.tell(SourceEvent::Bounded { partition, offset });
            }
        }
        if self.bounds.look.is_under_way() {
            return;
        }
        let due = self.bounds.questions.ask(Instant::now());
        if !due.is_empty() {
            let consumer = Arc::clone(&self.consumer);
            self.bounds.look.begin(runtime, move || highs(&consumer, &due));
        }
    }
}

impl Questions {
    fn expect(&mut self, partition: TopicPartition, taken_over: Instant) {
        self.0.insert(partition, Question::At(taken_over + BELIEVED_FOR));
    }

    /// Returns the partitions whose time has come.
    fn ask(&mut self, now: Instant) -> Vec<TopicPartition> {
        let mut due = Vec::new();
        for (partition, question) in &mut self.0 {
            if matches!(question, Question::At(at) if *at <= now) {
                *question = Question::Asked;
                due.push(partition.clone());
            }
        }
        due
    }

    /// Takes where partitions end, of those that were asked about; returns what is to be told. One that was taken over once
    /// more since is asked about anew: another owner may have gone further meanwhile.
    fn answered(
        &mut self,
        now: Instant,
        mut ends: Ends,
        is_open: impl Fn(&TopicPartition) -> bool,
    ) -> Vec<(TopicPartition, Offset)> {
        let mut told = Vec::new();
        self.0.retain(|partition, question| {
            if matches!(question, Question::At(_)) {
                return true;
            }
            let Some(offset) = ends.remove(partition).filter(|_| is_open(partition)) else {
                debug!(%partition, "nobody tells where a partition ends, it is asked again");
                *question = Question::At(now + RETRY_AFTER);
                return true;
            };
            told.push((partition.clone(), offset));
            false
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{Ends, Questions, RETRY_AFTER};
    use crate::lease::BELIEVED_FOR;
    use crate::record::{Offset, Partition, Topic, TopicPartition};

    fn at(number: i32) -> TopicPartition {
        TopicPartition { topic: Topic::new("cameras"), partition: Partition(number) }
    }

    fn ends(numbers: &[i32]) -> Ends {
        numbers.iter().map(|number| (at(*number), Offset(i64::from(*number)))).collect()
    }

    #[test]
    fn end_of_the_log_counts_when_the_last_owner_believes_nothing_any_more() {
        let (now, mut questions) = (Instant::now(), Questions::default());
        (0..3).for_each(|number| questions.expect(at(number), now));
        questions.0.remove(&at(1));
        assert!(questions.ask(now).is_empty());
        let due = now + BELIEVED_FOR;
        assert_eq!(questions.ask(due), [at(0), at(2)]);
        assert!(questions.ask(due).is_empty(), "once");
    }

    #[test]
    fn partition_that_nobody_tells_of_or_that_does_not_flow_is_asked_about_again() {
        let (now, mut questions) = (Instant::now(), Questions::default());
        (0..3).for_each(|number| questions.expect(at(number), now));
        let due = now + BELIEVED_FOR;
        questions.ask(due);
        let told = questions.answered(due, ends(&[0, 1]), |partition| *partition != at(1));
        assert_eq!(told, [(at(0), Offset(0))]);
        assert!(questions.ask(due).is_empty(), "not at once");
        assert_eq!(questions.ask(due + RETRY_AFTER), [at(1), at(2)]);
    }

    #[test]
    fn end_that_was_asked_for_before_the_partition_was_taken_over_once_more_is_none() {
        let (now, mut questions) = (Instant::now(), Questions::default());
        questions.expect(at(0), now);
        let due = now + BELIEVED_FOR;
        questions.ask(due);
        questions.0.remove(&at(0));
        questions.expect(at(0), due);
        assert!(questions.answered(due, ends(&[0]), |_| true).is_empty());
        assert_eq!(questions.ask(due + BELIEVED_FOR), [at(0)]);
    }
}
