//! Pure. `Budget`: how many bytes of messages this member may hold, shared evenly between its partitions.
//!
//! A partition takes its next message only while it holds less than its share, so one slow partition holds up no
//! other, and the sum stays within what the memory plan sets aside: the shares plus one message for each partition.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use crate::memory::MemoryPlan;

/// The budget of one member.
#[derive(Debug)]
pub struct Budget {
    plan: MemoryPlan,
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
    /// Returns what the plan sets aside for messages.
    #[must_use]
    pub fn new(plan: MemoryPlan) -> Arc<Self> {
        Arc::new(Self {
            plan,
            held: AtomicUsize::new(0),
            partitions: AtomicUsize::new(0),
            reader: OnceLock::new(),
        })
    }

    /// Returns the plan that it follows.
    #[must_use]
    pub fn plan(&self) -> &MemoryPlan {
        &self.plan
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
        let partitions = self.partitions.load(Ordering::Relaxed) as u64;
        usize::try_from(self.plan.share_bytes(partitions)).unwrap_or(usize::MAX)
    }
}

impl Share {
    /// Returns the bytes that the partition holds now.
    #[cfg(test)]
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Tells whether the partition may take another message, whatever its size.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.held.load(Ordering::Relaxed) < self.budget.share_bytes()
    }

    /// Returns the bytes that the partition may hold now, besides its last message.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.budget.share_bytes()
    }

    /// Returns the most payload bytes of one batch, so that the next one can gather while one travels.
    #[must_use]
    pub fn batch_bytes_max(&self) -> usize {
        self.budget.share_bytes() / 2
    }

    /// Returns the most messages of one partition that may be remembered until the store has shown them.
    #[must_use]
    pub fn span_max(&self) -> usize {
        usize::try_from(self.budget.plan.unproven_messages).unwrap_or(usize::MAX)
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
    use crate::memory::{Demand, MIB, MemoryPlan};

    fn plan() -> MemoryPlan {
        MemoryPlan::new(256 * MIB, Demand { brokers: 1, partitions: 8, message_bytes: MIB, letter_bytes: 0 })
            .unwrap()
    }

    #[test]
    fn shares_shrink_with_every_partition_and_grow_back() {
        let budget = Budget::new(plan());
        let first = budget.share();
        let alone = budget.share_bytes();
        let _others: Vec<_> = (0..7).map(|_| budget.share()).collect();
        assert!(budget.share_bytes() < alone);
        assert_eq!(first.batch_bytes_max(), budget.share_bytes() / 2);
        (0..7).for_each(|_| budget.leave());
        assert_eq!(budget.share_bytes(), alone);
    }

    #[test]
    fn full_partition_waits_until_a_message_is_dropped() {
        let budget = Budget::new(plan());
        let share = budget.share();
        let message = share.hold(budget.share_bytes());
        assert!(!share.has_room());
        drop(message);
        assert!(share.has_room());
        assert_eq!(budget.held(), 0);
    }
}
