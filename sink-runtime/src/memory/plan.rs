//! Pure. `MemoryPlan`: shares a memory limit out between what librdkafka queues and what this program holds.
//!
//! librdkafka's settings are fixed when the consumer is created, and a member may be given every partition of its
//! topics. So the plan holds for all of them. `L` is the largest message, at least 1 MiB; sizes in MiB:
//!
//! | what | how much | why |
//! |---|---|---|
//! | allocator | 1/8 of the limit | size classes, and pages that were freed a moment ago |
//! | base | 32 | program, threads, TLS, HTTP, metrics |
//! | responses | brokers × max(`fetch.max.bytes`, `L`) | one fetch is open for each broker |
//! | letters | max(8, `L`), with a dead-letter topic | the producer keeps a copy of the letters that travel, of all partitions |
//! | per partition | 0.375 | its lane, its connection to the store, answers of the store |
//! | … queue | `queued.max.messages.kbytes` + `L` | full is full only after a fetch: the last portion lies on top, and one message is fetched whatever the limits say |
//! | … share | share + `L` | a lane takes a message while it holds less than its share, so the last one, or the response that it stays in, lies on top |
//! | … proof | 128 bytes × messages | what is remembered of each message that is stored and not yet read back; the names of their entries take the place of some |
//! | … entries | 80 KiB and more | names of entries, where they end, and what is proven of them |
//!
//! A fetch response stays in memory as a whole until its last message is taken, whichever partition that is. A
//! partition that stands still with small messages can so keep many large responses alive, which no setting bounds: the
//! consumer drops the queues of such partitions where memory in use passes the plan ([`MemoryPlan::pressure_bytes`]).
//! Compressed batches are counted as they travel; what they inflate to is bounded in the same way, since their messages are
//! copied out.
//!
//! For users, with messages of up to 1 MiB: **64 MiB + 3 MiB × partitions of all topics**; for larger ones
//! 64 MiB + (1 MiB + 3.5 × the largest message) × partitions.

/// Bytes of a mebibyte.
pub const MIB: u64 = 1024 * 1024;

/// Part of the limit that is left to the allocator.
const ALLOCATOR_PART: u64 = 8;

/// Bytes that a member needs however little it does.
const BASE: u64 = 32 * MIB;

/// Part of it that is allocated: the rest is the program itself, stacks, and what the allocator keeps.
const BASE_ALLOCATED: u64 = 8 * MIB;

/// Bytes that a partition needs besides messages.
const PARTITION: u64 = 384 * 1024;

/// What is remembered of a message that is stored and not yet read back. The name of its entry takes the place of others,
/// once for all that bear it.
pub const PROOF: u64 = 128;

/// Fewest messages of a partition that may wait to be read back.
const UNPROVEN_MIN: u64 = 384;

/// Most messages of a partition that may wait to be read back.
const UNPROVEN_MAX: u64 = 32_768;

/// Fewest bytes for what is known of a partition's entries: a batch may have 80, with names of 255 bytes.
const ENTRIES_MIN: u64 = 80 * 1024;

/// Most of them, for some ten thousand entries.
const ENTRIES_MAX: u64 = 2 * MIB;

/// Smallest `queued.max.messages.kbytes`, in bytes.
const QUEUE_MIN: u64 = 64 * 1024;

/// Largest one: what arrives while a chunk is taken out is less.
const QUEUE_MAX: u64 = 3 * MIB / 2;

/// The smallest message that is reckoned with as a topic's largest.
const MESSAGE_MIN: u64 = MIB;

/// `fetch.max.bytes`, and the largest `fetch.message.max.bytes`. A partition with a backlog has a response for itself, so
/// that its messages can stay there (`kafka/responses.rs`); it still is in the processor's cache when it is sent on. It is
/// less than the batches of a producer that fills them (`batch.size` of librdkafka: 1,000,000): the broker sends the first
/// batch whole, whatever the limit, and behind it nothing. A limit above them has the beginning of the next batch sent too,
/// which is thrown away and sent again.
const RESPONSE: u64 = 768 * 1024;

/// Smallest `receive.message.max.bytes`, but for what lies around messages. Responses are not as large; but the client also
/// refuses a zstd batch that may inflate to more, where it tries 2, 6, 18 and 54 times the batch's size. And a topic whose
/// limit is raised while a member runs, which has planned for the smaller one, is read on up to here.
const RECEIVE_MIN: u64 = 64 * MIB;

/// Smallest share of a partition.
const SHARE_MIN: u64 = 64 * 1024;

/// Largest share of a partition: two full batches.
const SHARE_MAX: u64 = 16 * MIB;

/// What all shares come to at most where partitions are few: more does not make a member faster.
const SHARES_MAX: u64 = 32 * MIB;

/// What a share may come to even where partitions are many.
const SHARE_WANTED: u64 = 2 * MIB;

/// What the topics of a sink can ask of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Brokers that may lead partitions.
    pub brokers: u64,
    /// Partitions of all topics.
    pub partitions: u64,
    /// Bytes of the largest message that a topic takes.
    pub message_bytes: u64,
    /// Bytes of dead letters that travel at once, where one letter is not larger; zero without a dead-letter topic.
    pub letter_bytes: u64,
}

/// What librdkafka may fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// `queued.max.messages.kbytes`, in bytes: fetching for a partition stops here.
    pub queue_bytes: u64,
    /// `fetch.message.max.bytes`: what one response holds of a partition.
    pub portion_bytes: u64,
    /// `fetch.max.bytes`: what one response holds of all partitions.
    pub response_bytes: u64,
    /// The largest response: one message is fetched whatever the limits say.
    pub largest_bytes: u64,
    /// `receive.message.max.bytes`: a larger response is refused.
    pub receive_bytes: u64,
}

/// How a limit is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// What librdkafka may fetch.
    pub fetch: FetchLimits,
    /// Messages of a partition that may be stored and not yet read back.
    pub unproven_messages: u64,
    /// Bytes for what is known of the entries of a partition; beyond that they are asked about again.
    pub entry_bytes: u64,
    /// Partitions for which the plan holds: those of the topics, and as many more as there is room for.
    pub partitions_max: u64,
    /// Bytes of allocated memory above which the plan does not hold.
    pub pressure_bytes: u64,
    /// Bytes for all partitions.
    room: u64,
    /// Bytes that each partition costs besides its share.
    partition_bytes: u64,
}

/// Why a limit cannot work.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the memory limit of {} MiB is too small for {} partitions with messages of up to {} bytes: {} MiB base, {} MiB for \
     {} brokers, {} MiB for dead letters and {} MiB for each partition, with an eighth for the allocator, make {} MiB; \
     raise workload.resources.limits.memory",
    .limit / MIB, .demand.partitions, .demand.message_bytes, BASE / MIB, mebibytes(*.brokers), .demand.brokers,
    mebibytes(*.letters), mebibytes(*.partition), .needed.div_ceil(MIB)
)]
pub struct PlanError {
    limit: u64,
    demand: Demand,
    brokers: u64,
    letters: u64,
    partition: u64,
    needed: u64,
}

impl MemoryPlan {
    /// Shares out a limit.
    ///
    /// # Errors
    /// It is too small for the partitions at one message each.
    pub fn new(limit: u64, demand: Demand) -> Result<Self, PlanError> {
        let (brokers, partitions) = (demand.brokers.max(1), demand.partitions.max(1));
        let message = demand.message_bytes.max(MESSAGE_MIN);
        let least = PARTITION + 2 * message + QUEUE_MIN + SHARE_MIN + PROOF * UNPROVEN_MIN + ENTRIES_MIN;
        let letters = demand.letters(message);
        let needed = with_allocator(BASE + brokers * message + letters + partitions * least);
        if limit < needed {
            return Err(PlanError {
                limit,
                demand,
                brokers: brokers * message,
                letters,
                partition: least,
                needed,
            });
        }
        let usable = limit - limit / ALLOCATOR_PART;
        let largest_bytes = RESPONSE.max(message);
        let room = usable - BASE - letters - brokers * largest_bytes;
        let spare_each = room / partitions - least;
        let queue_bytes = (QUEUE_MIN + spare_each / 3).min(QUEUE_MAX);
        let unproven_messages = (UNPROVEN_MIN + spare_each / 8 / PROOF).min(UNPROVEN_MAX);
        let entry_bytes = (ENTRIES_MIN + spare_each / 16).min(ENTRIES_MAX);
        let partition_bytes = PARTITION + 2 * message + queue_bytes + PROOF * unproven_messages + entry_bytes;
        let fetch = FetchLimits {
            queue_bytes,
            // Below what the queue holds: a queue that one response fills is left out of the next fetch, which then
            // waits for other partitions.
            portion_bytes: (queue_bytes / 4 * 3).min(RESPONSE),
            response_bytes: RESPONSE,
            largest_bytes,
            receive_bytes: largest_bytes.max(RECEIVE_MIN) + MESSAGE_MIN,
        };
        let partitions_max = room / (partition_bytes + SHARE_MIN);
        let pressure_bytes = usable - (BASE - BASE_ALLOCATED);
        Ok(Self {
            fetch,
            unproven_messages,
            entry_bytes,
            partitions_max,
            pressure_bytes,
            room,
            partition_bytes,
        })
    }

    /// Returns the bytes that each of so many partitions may hold, besides its last message.
    #[must_use]
    pub fn share_bytes(&self, partitions: u64) -> u64 {
        let partitions = partitions.max(1);
        let most = (SHARES_MAX / partitions).clamp(SHARE_WANTED, SHARE_MAX);
        (self.room / partitions).saturating_sub(self.partition_bytes).clamp(SHARE_MIN, most)
    }
}

impl Demand {
    /// Returns the bytes of dead letters that travel at once: one larger than all others together travels alone.
    fn letters(&self, message: u64) -> u64 {
        if self.letter_bytes == 0 { 0 } else { self.letter_bytes.max(message) }
    }
}

/// Returns the limit of which so many bytes can be used.
fn with_allocator(usable: u64) -> u64 {
    (usable * ALLOCATOR_PART).div_ceil(ALLOCATOR_PART - 1)
}

/// Returns mebibytes with one digit after the point.
fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(MIB);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::{ALLOCATOR_PART, BASE, Demand, MIB, MemoryPlan, RESPONSE};

    fn demand(brokers: u64, partitions: u64, message_bytes: u64) -> Demand {
        Demand { brokers, partitions, message_bytes, letter_bytes: 0 }
    }

    /// The same with a dead-letter topic.
    fn with_letters(demand: Demand) -> Demand {
        Demand { letter_bytes: 8 * MIB, ..demand }
    }

    /// Everything that the plan allows at once, by the table at the top of the file.
    fn worst(plan: &MemoryPlan, partitions: u64, demand: Demand) -> u64 {
        let message = demand.message_bytes.max(MIB);
        let queue = plan.fetch.queue_bytes + message.max(plan.fetch.portion_bytes);
        let lane = plan.share_bytes(partitions) + message;
        let each = 384 * 1024 + queue + lane + 128 * plan.unproven_messages + plan.entry_bytes;
        let letters = if demand.letter_bytes == 0 { 0 } else { message.max(8 * MIB) };
        BASE + letters + demand.brokers * plan.fetch.response_bytes.max(message) + partitions * each
    }

    /// Checks a limit; tells whether it is accepted.
    fn check(limit: u64, demand: Demand) -> bool {
        let Ok(plan) = MemoryPlan::new(limit, demand) else { return false };
        assert!(plan.partitions_max >= demand.partitions, "{limit} {demand:?} {plan:?}");
        for owned in [1, demand.partitions.div_ceil(2), demand.partitions, plan.partitions_max] {
            let worst = worst(&plan, owned, demand);
            assert!(
                worst <= limit - limit / ALLOCATOR_PART,
                "{owned}: {worst} of {limit} {demand:?} {plan:?}"
            );
        }
        true
    }

    #[test]
    fn worst_case_fits_into_every_limit_that_is_accepted() {
        let messages = [1, MIB, 900_000, 10 * MIB].into_iter().cycle();
        let topics: Vec<(u64, u64)> = [1, 2, 8, 64, 100, 500].into_iter().zip(messages).collect();
        let mut accepted = 0;
        for limit in (32..2_048).step_by(7).map(|mebibytes| mebibytes * MIB) {
            for (partitions, message) in &topics {
                let demands = [1, 3, 30].map(|brokers| demand(brokers, *partitions, *message));
                let demands = demands.into_iter().flat_map(|demand| [demand, with_letters(demand)]);
                accepted += demands.filter(|demand| check(limit, *demand)).count();
            }
        }
        assert!(accepted > 1_000, "{accepted}");
    }

    #[test]
    fn documented_formula_is_always_enough() {
        for partitions in 1..1_000 {
            for brokers in [1, 3, 12].map(|brokers| partitions.min(brokers)) {
                let small = 64 * MIB + 3 * MIB * partitions;
                MemoryPlan::new(small, with_letters(demand(brokers, partitions, 1_048_588))).unwrap();
                let large = 64 * MIB + 36 * MIB * partitions;
                MemoryPlan::new(large, with_letters(demand(brokers, partitions, 10 * MIB))).unwrap();
            }
        }
    }

    #[test]
    fn default_limit_holds_64_partitions_and_eight_get_full_batches() {
        MemoryPlan::new(256 * MIB, demand(3, 64, 1_048_588)).unwrap();
        let plan = MemoryPlan::new(256 * MIB, demand(1, 8, 1_048_588)).unwrap();
        assert_eq!(plan.share_bytes(8), 4 * MIB);
        assert_eq!(plan.share_bytes(1), 16 * MIB);
        assert_eq!((plan.fetch.queue_bytes, plan.fetch.portion_bytes), (3 * MIB / 2, RESPONSE));
        assert_eq!((plan.fetch.response_bytes, plan.fetch.largest_bytes), (RESPONSE, 1_048_588));
        assert!(plan.unproven_messages > 20_000, "{plan:?}");
        assert!(plan.entry_bytes > MIB, "{plan:?}");
    }

    #[test]
    fn refusal_tells_the_arithmetic_and_what_to_change() {
        let error = MemoryPlan::new(64 * MIB, demand(1, 12, 1_048_588)).unwrap_err().to_string();
        assert_eq!(
            error,
            "the memory limit of 64 MiB is too small for 12 partitions with messages of up to 1048588 bytes: 32 MiB \
             base, 1.1 MiB for 1 brokers, 0.0 MiB for dead letters and 2.7 MiB for each partition, with an eighth for \
             the allocator, make 74 MiB; raise workload.resources.limits.memory"
        );
    }
}
