//! Pure. Which messages of a partition may stay in the response that they came in, instead of being copied out of it.
//!
//! The client frees a response when its last message is gone, whichever partition that is of. So a message that is kept
//! costs its whole response, unless the rest of that is kept as well. Neighbours in memory came in one response, whose
//! size has a bound ([`FetchLimits::largest_bytes`](crate::memory::FetchLimits)); what is kept of it takes all of
//! that bound out of the partition's share, once, until the last of its messages is gone.
//!
//! While a partition has a backlog its responses hold nothing else, and keeping is for nothing. Once they hold little of
//! it, messages are copied: the share would be used up by a few. So are those of a partition whose batches are larger than
//! any response: they were compressed, and one message would keep all that a batch inflates to.

use std::ops::Range;
use std::sync::{Arc, Weak};

use crate::budget::{Hold, Share};

/// Smallest value that is kept: what the client remembers of each message costs less than a tenth of it.
const KEPT_BYTES_MIN: usize = 8 * 1024;

/// Most bytes between the values of two neighbours besides keys and headers: what a batch says before its first message.
const GAP_MAX: usize = 256;

/// How many responses of a partition are copied once one of its batches was larger than any: the next may be such too.
const COPIED_AFTER_INFLATED: u32 = 1_000;

/// Responses that a partition's share must hold: two travel while one is filled. With Kafka's limit of a megabyte a message
/// and the memory that a member has by default, that is so up to ten partitions.
const SHARE_RESPONSES_MIN: usize = 3;

/// The response that a partition's last message came in.
#[derive(Debug)]
pub(super) struct Responses {
    /// Most bytes that one has.
    bytes_max: usize,
    last: Option<Response>,
    /// So many responses are copied yet, because neighbours were more than one can hold.
    copied: u32,
}

/// What is known of a response.
#[derive(Debug)]
struct Response {
    /// Bytes of values of this partition in it.
    bytes: usize,
    /// Where the next of them begins at the latest, but for its own key and headers.
    gap: Range<usize>,
    /// Whether its messages are kept.
    is_kept: bool,
    /// What it takes out of the share while any of its messages is kept.
    hold: Weak<Hold>,
}

impl Responses {
    /// Knows of none.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX), last: None, copied: 0 }
    }

    /// Notes the next message by the addresses of its value, and how many bytes its key and headers have; returns what must
    /// be held as long as its value is kept, none where it is to be copied.
    pub(super) fn next(&mut self, value: &Range<usize>, others: usize, share: &Share) -> Option<Arc<Hold>> {
        let mut response = self.response_of(value, others, share);
        let hold = (response.is_kept && value.len() >= KEPT_BYTES_MIN).then(|| {
            let hold = response.hold.upgrade();
            hold.unwrap_or_else(|| Arc::new(share.hold(self.bytes_max.max(value.len()))))
        });
        if let Some(hold) = &hold {
            response.hold = Arc::downgrade(hold);
        }
        self.last = Some(response);
        hold
    }

    /// Returns the response of the last message if the next one came in it too, else what begins with that.
    fn response_of(&mut self, value: &Range<usize>, others: usize, share: &Share) -> Response {
        let bytes = value.len();
        let gap = value.end..value.end.saturating_add(GAP_MAX + others);
        let before = self.last.take();
        let is_neighbour = |last: &&Response| (last.gap.start..last.gap.end + others).contains(&value.start);
        let neighbour = before.as_ref().filter(is_neighbour);
        if neighbour.is_some_and(|last| last.bytes + bytes > self.bytes_max) {
            self.copied = COPIED_AFTER_INFLATED;
        } else if let Some(last) = neighbour {
            let (bytes, hold) = (last.bytes + bytes, Weak::clone(&last.hold));
            return Response { bytes, gap, is_kept: last.is_kept, hold };
        }
        let is_copied = self.copied > 0;
        self.copied = self.copied.saturating_sub(1);
        let had_backlog = before.is_some_and(|last| last.bytes >= self.bytes_max / 2);
        let has_room = share.bytes_max() >= SHARE_RESPONSES_MIN * self.bytes_max;
        Response { bytes, gap, is_kept: had_backlog && has_room && !is_copied, hold: Weak::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::{KEPT_BYTES_MIN, Responses};
    use crate::budget::{Budget, Share};
    use crate::memory::{Demand, MIB, MemoryPlan};

    const RESPONSE: usize = 1 << 20;
    const VALUE: usize = 100_000;

    fn share() -> Share {
        let demand = Demand { brokers: 1, partitions: 8, message_bytes: MIB, letter_bytes: 0 };
        Budget::new(MemoryPlan::new(256 * MIB, demand).unwrap()).share()
    }

    /// The values of one response that holds `count` messages, from `start` on.
    fn values(start: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
        (0..count).map(move |number| start + number * (VALUE + 70)).map(|start| start..start + VALUE)
    }

    #[test]
    fn backlog_is_kept_and_takes_each_response_out_of_the_share_once() {
        let (share, mut responses) = (share(), Responses::new(RESPONSE as u64));
        let first: Vec<_> = values(0, 10).filter_map(|value| responses.next(&value, 0, &share)).collect();
        assert_eq!(first.len(), 0, "nobody knows yet that there is a backlog");
        let kept: Vec<_> =
            values(1 << 30, 10).filter_map(|value| responses.next(&value, 0, &share)).collect();
        assert_eq!((kept.len(), share.held()), (10, RESPONSE));
        let more: Vec<_> =
            values(2 << 30, 10).filter_map(|value| responses.next(&value, 0, &share)).collect();
        assert_eq!((more.len(), share.held()), (10, 2 * RESPONSE));
        let one_of_the_first = kept.into_iter().next_back();
        drop(more);
        assert_eq!(share.held(), RESPONSE, "the last message of a response keeps all of it");
        drop(one_of_the_first);
        assert_eq!(share.held(), 0);
    }

    #[test]
    fn messages_that_come_in_responses_of_others_are_copied() {
        let (share, mut responses) = (share(), Responses::new(RESPONSE as u64));
        let far_apart = (0..100).map(|number| number << 30).map(|start| start..start + VALUE);
        let kept: Vec<_> = far_apart.filter_map(|value| responses.next(&value, 0, &share)).collect();
        assert_eq!((kept.len(), share.held()), (0, 0));
    }

    #[test]
    fn keys_and_headers_may_lie_between_neighbours() {
        let (share, mut responses) = (share(), Responses::new(RESPONSE as u64));
        let step = VALUE + 5_000;
        let wide =
            |start: usize| (0..9).map(move |number| start + number * step..start + number * step + VALUE);
        let copied = wide(1 << 40).filter_map(|value| responses.next(&value, 4_900, &share)).count();
        let kept: Vec<_> = wide(2 << 40).filter_map(|value| responses.next(&value, 4_900, &share)).collect();
        assert_eq!((copied, kept.len(), share.held()), (0, 9, RESPONSE));
    }

    #[test]
    fn small_values_are_copied_and_idle_partitions_hold_nothing() {
        let (share, mut responses) = (share(), Responses::new(RESPONSE as u64));
        let small = KEPT_BYTES_MIN - 1;
        let response =
            |start: usize| (0..120).map(move |number| start + number * small..start + (number + 1) * small);
        let kept = (0..3)
            .flat_map(|number| response(number << 30))
            .filter_map(|value| responses.next(&value, 0, &share));
        assert_eq!(kept.count(), 0);
        let dropped = (3..6_usize).flat_map(|number| values(number << 30, 10));
        let let_go = dropped.filter_map(|value| responses.next(&value, 0, &share).map(drop)).count();
        assert!(let_go > 0);
        assert_eq!(share.held(), 0);
    }

    #[test]
    fn batches_that_are_larger_than_a_response_are_copied_from_the_second_portion_on() {
        let (share, mut responses) = (share(), Responses::new(RESPONSE as u64));
        let _copied = values(0, 10).filter_map(|value| responses.next(&value, 0, &share)).count();
        let batch = |number: usize| values(number << 40, 40);
        let kept: Vec<_> =
            (1..5).flat_map(batch).filter_map(|value| responses.next(&value, 0, &share)).collect();
        assert_eq!((kept.len(), share.held()), (10, RESPONSE));
    }

    #[test]
    fn share_that_holds_no_three_responses_is_filled_with_copies() {
        let (share, mut responses) = (share(), Responses::new(64 * MIB));
        let large = (0..10_usize).map(|number| number << 40).map(|start| start..start + (40 << 20));
        assert_eq!(large.filter_map(|value| responses.next(&value, 0, &share)).count(), 0);
    }
}
