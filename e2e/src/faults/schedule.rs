//! When each fault of a scenario comes. Pure: randomness is passed in.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::scenario::Fault;

/// Kills of the store that come within [`BURST`].
const BURST_KILLS: u32 = 5;
/// Longest from the first kill of a burst to its last.
const BURST: Duration = Duration::from_secs(10);
/// One of so many kills of the store begins a burst, where there are enough of them.
const BURST_SHARE: u32 = 10;

/// A fault and how long to wait before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Planned {
    /// From the end of the fault before, or from the start.
    pub wait: Duration,
    /// What is done.
    pub fault: Fault,
}

/// Returns the seed of one scenario within a run: the same name under the same seed gives the same schedule.
#[must_use]
pub fn seed_of(seed: u64, name: &str) -> u64 {
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Returns the faults in random order at random times: most kills of the store 10 to 30 s apart, some in bursts of five
/// within 10 s; the others 5 to 15 s after the one before has ended.
#[must_use]
pub fn schedule(faults: &[(Fault, u32)], seed: u64) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut groups: Vec<(Fault, u32)> =
        faults.iter().flat_map(|(fault, count)| groups(*fault, *count)).collect();
    groups.shuffle(&mut random);
    groups.into_iter().flat_map(|(fault, size)| group(fault, size, &mut random)).collect()
}

/// Splits the faults of one kind into bursts and single ones.
fn groups(fault: Fault, count: u32) -> Vec<(Fault, u32)> {
    let bursts = if fault == Fault::KillStore { count / BURST_SHARE } else { 0 };
    let singles = count - bursts * BURST_KILLS;
    (0..bursts).map(|_| (fault, BURST_KILLS)).chain((0..singles).map(|_| (fault, 1))).collect()
}

fn group(fault: Fault, size: u32, random: &mut StdRng) -> Vec<Planned> {
    let seconds = match fault {
        Fault::KillStore | Fault::TearLog => 10.0..30.0,
        Fault::KillMember | Fault::KillBroker | Fault::Freeze => 5.0..15.0,
    };
    let first = Planned { wait: Duration::from_secs_f64(random.random_range(seconds)), fault };
    let within = BURST.as_secs_f64() / f64::from(BURST_KILLS);
    let rest =
        (1..size).map(|_| Planned { wait: Duration::from_secs_f64(random.random_range(0.1..within)), fault });
    std::iter::once(first).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{schedule, seed_of};
    use crate::faults::scenario::Fault;

    #[test]
    fn same_seed_gives_the_same_schedule() {
        let faults = [(Fault::KillStore, 25), (Fault::KillMember, 5)];
        let seed = seed_of(7, "a");
        assert_eq!(schedule(&faults, seed), schedule(&faults, seed));
        assert_ne!(schedule(&faults, seed), schedule(&faults, seed_of(7, "b")));
    }

    #[test]
    fn most_kills_of_the_store_are_apart_and_some_come_in_bursts() {
        let planned = schedule(&[(Fault::KillStore, 50)], 1);
        assert_eq!(planned.len(), 50);
        let close: Vec<Duration> = planned
            .iter()
            .map(|planned| planned.wait)
            .filter(|wait| *wait < Duration::from_secs(10))
            .collect();
        assert_eq!(close.len(), 5 * 4, "five bursts, of each all but the first");
        assert!(close.iter().all(|wait| *wait < Duration::from_secs(2)));
    }
}
