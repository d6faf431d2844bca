//! Pure. Seeded random schedules of a whole simulated world: two members, their group, the log and the store.
//!
//! The code under test is the real one: `PartitionState` with all its parts, `Lease`, `StartClock`, the metadata of
//! commits and the rule by which a partition begins. Simulated are the log (`log`), the group (`broker`), the store with
//! the vices that were measured on the real one (`entry`, `store`, `requests`), and the loops that drive the code
//! (`lane`, `process`, `commits`, `watch`). After each step the invariants hold (`check`), and at the end of each
//! schedule every message lies exactly once in the store, or is a letter, or was deleted by a policy and counted.
//!
//! A failing seed is printed: paste it into `replay`.

mod agenda;
mod broker;
mod check;
mod commits;
mod entry;
mod faults;
mod forms;
mod lane;
mod log;
mod process;
mod replies;
mod requests;
mod store;
mod watch;
mod world;

use std::time::Instant;

use forms::Forms;
use world::{Counts, World};

const SCHEDULES: u64 = 100_000;

const THREADS: u64 = 2;

#[test]
fn every_message_ends_in_exactly_one_place_whatever_happens() {
    let runs: Vec<_> = (0..THREADS).map(|thread| std::thread::spawn(move || run_every(thread))).collect();
    let mut all = Counts::default();
    for run in runs {
        all.add(run.join().expect("a seed that fails is printed"));
    }
    // A world in which nothing ever went wrong proves nothing.
    assert!(all.returns > 0 && all.missing > 0 && all.rewritten > 0, "{all:?}");
    assert!(all.found > 0 && all.expired > 0 && all.letters > 0 && all.passed > 0, "{all:?}");
    assert!(all.changes > 0 && all.drains > 0 && all.refusals > 0, "{all:?}");
    assert!(all.beyond > 0 && all.promises > 0, "{all:?}");
}

/// Runs one schedule; this is where a printed seed is pasted.
#[test]
fn replay() {
    let seed = 0;
    World::new(seed, epoch(), &Forms::new()).run();
}

fn run_every(first: u64) -> Counts {
    let (epoch, forms) = (epoch(), Forms::new());
    let mut counts = Counts::default();
    for seed in (first..SCHEDULES).step_by(usize::try_from(THREADS).unwrap()) {
        let run = std::panic::AssertUnwindSafe(|| World::new(seed, epoch, &forms).run());
        let outcome = std::panic::catch_unwind(run);
        counts.add(outcome.unwrap_or_else(|_| panic!("seed {seed} fails, paste it into `replay`")));
    }
    counts
}

fn epoch() -> Instant {
    tokio::time::Instant::now().into_std()
}
