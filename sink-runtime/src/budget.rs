//! Pure. `Budget`: how many bytes of messages this member may hold, shared evenly between its partitions.
//!
//! A partition takes its next message only while it holds less than its share, so one slow partition holds up no
//! other, and the sum stays below the budget plus one message for each partition.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

/// Bytes of messages that one member holds at most, without librdkafka's own queues.
pub const BUDGET_BYTES: usize = 96 * 1024 * 1024;

/// Bytes that one partition holds at most, however few partitions there are: two full batches and a reserve.
pub const SHARE_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Messages whose end is remembered at most, all partitions together: about 100 bytes each.
const SPAN_TOTAL: usize = 256 * 1024;

/// The same of one partition: some seconds of small messages, from the store's answer until they were read back.
const SPAN_MAX: usize = 32 * 1024;

/// The budget of one member.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    held: AtomicUsize,
    partitions: AtomicUsize,
    reader: OnceLock<Thread>,
}

/// One partition's share of the budget.
#[derive(Clone, Debug)]
pub struct Share {
    budget: Arc<Budget>,
    held: Arc<AtomicUsize>,
}

/// Bytes that are held; dropping it gives them back.
#[derive(Debug)]
pub struct Hold {
    bytes: usize,
    share: Option<Share>,
}

impl Budget {
    /// Returns a budget of `total` bytes.
    #[must_use]
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            held: AtomicUsize::new(0),
            partitions: AtomicUsize::new(0),
            reader: OnceLock::new(),
        })
    }

    /// Returns a share for one more partition; the shares of all others shrink with it.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        self.partitions.fetch_add(1, Ordering::Relaxed);
        Share { budget: Arc::clone(self), held: Arc::new(AtomicUsize::new(0)) }
    }

    /// Tells that a partition is gone.
    pub fn leave(&self) {
        self.partitions.fetch_sub(1, Ordering::Relaxed);
    }

    /// Names the thread that is woken where a full partition gets room.
    pub fn wake_reader(&self, reader: Thread) {
        self.reader.get_or_init(|| reader);
    }

    /// Returns the bytes that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Returns the bytes that one partition may hold now.
    #[must_use]
    pub fn share_bytes(&self) -> usize {
        (self.total / self.partitions.load(Ordering::Relaxed).max(1)).min(SHARE_BYTES_MAX)
    }
}

impl Share {
    /// Tells whether the partition may take another message, whatever its size.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.held.load(Ordering::Relaxed) < self.budget.share_bytes()
    }

    /// Returns the most payload bytes of one batch, so that the next one can gather while one travels.
    #[must_use]
    pub fn batch_bytes_max(&self) -> usize {
        self.budget.share_bytes() / 2
    }

    /// Returns the most messages whose end one partition may remember.
    #[must_use]
    pub fn span_max(&self) -> usize {
        (SPAN_TOTAL / self.budget.partitions.load(Ordering::Relaxed).max(1)).min(SPAN_MAX)
    }

    /// Takes bytes out of the budget.
    #[must_use]
    pub fn hold(&self, bytes: usize) -> Hold {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        Hold { bytes, share: Some(self.clone()) }
    }
}

impl Hold {
    /// Returns a hold that counts nowhere, for messages that no budget bounds.
    #[must_use]
    pub fn none() -> Self {
        Self { bytes: 0, share: None }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(share) = &self.share {
            let before = share.held.fetch_sub(self.bytes, Ordering::Relaxed);
            share.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
            let bound = share.budget.share_bytes();
            if before >= bound && before - self.bytes < bound {
                share.budget.reader.get().inspect(|reader| reader.unpark());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn shares_shrink_with_every_partition_and_grow_back() {
        let budget = Budget::new(8_000);
        let first = budget.share();
        assert_eq!(budget.share_bytes(), 8_000);
        let _second = budget.share();
        assert_eq!((budget.share_bytes(), first.batch_bytes_max()), (4_000, 2_000));
        budget.leave();
        assert_eq!(budget.share_bytes(), 8_000);
    }

    #[test]
    fn full_partition_waits_until_a_message_is_dropped() {
        let budget = Budget::new(100);
        let share = budget.share();
        let message = share.hold(100);
        assert!(!share.has_room());
        drop(message);
        assert!(share.has_room());
        assert_eq!(budget.held(), 0);
    }
}
