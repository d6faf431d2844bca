//! What is tried: which faults, how often, under which load. Pure.

/// Something that is done to a part of the path.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// `kill -9` of the store.
    KillStore,
    /// The same, and its write-ahead logs are cut inside their last entry before it starts again.
    TearLog,
    /// `kill -9` of a member.
    KillMember,
    /// `kill -9` of the broker.
    KillBroker,
    /// SIGSTOP of a member past the time-out of its session, then SIGCONT.
    Freeze,
}

/// How fast messages come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Load {
    /// There is always more than the sink has stored.
    Full,
    /// So many a second.
    PerSecond(u32),
}

/// Which times the messages have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Times {
    /// Those of their production.
    Now,
    /// All the same.
    Constant,
    /// Each is earlier than the one before.
    Backwards,
    /// Those of two producers, of which one's clock is an hour ahead.
    TwoClocks,
}

/// What the run has to end with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// Everything is stored once.
    AllStored,
    /// The same, and after each kill of a member something is stored within [`RESTART_SECONDS_MAX`].
    QuickRestart,
    /// Something is missing: the runtime is a build without the commit gate, and the checker must see it.
    Loss,
}

/// Longest from `kill -9` of a member to the first record that its next life stores, with messages waiting.
pub const RESTART_SECONDS_MAX: f64 = 5.0;

/// One run with parts of its own.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What is done, and how often.
    pub faults: Vec<(Fault, u32)>,
    /// How fast messages come.
    pub load: Load,
    /// Which times they have.
    pub times: Times,
    /// Members of the sink.
    pub members: u32,
    /// What it has to end with.
    pub expected: Expected,
}

/// How often faults are injected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// As often as is promised.
    Whole,
    /// Each scenario a few times.
    Quick,
    /// Each fault so often.
    Each(u32),
}

impl Extent {
    fn of(self, whole: u32) -> u32 {
        match self {
            Self::Whole => whole,
            Self::Quick => whole.div_ceil(QUICK_SHARE),
            Self::Each(kills) => kills,
        }
    }
}

/// A quick run injects one of so many faults.
const QUICK_SHARE: u32 = 10;

impl Scenario {
    fn new(name: &'static str, load: Load, faults: &[(Fault, u32)]) -> Self {
        let (times, expected) = (Times::Now, Expected::AllStored);
        Self { name, faults: faults.to_vec(), load, times, members: 1, expected }
    }

    fn times(self, times: Times) -> Self {
        Self { times, ..self }
    }

    fn members(self, members: u32) -> Self {
        Self { members, ..self }
    }

    fn expected(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }

    /// Returns whether it needs a broker that no other run uses.
    #[must_use]
    pub fn kills_broker(&self) -> bool {
        self.faults.iter().any(|(fault, _)| *fault == Fault::KillBroker)
    }

    /// Returns whether it must have the machine for itself: it measures time.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.expected == Expected::QuickRestart
    }
}

/// Returns all scenarios, those that take longest first.
#[must_use]
pub fn all(extent: Extent) -> Vec<Scenario> {
    let mut scenarios = whole();
    for (fault, count) in scenarios.iter_mut().flat_map(|scenario| &mut scenario.faults) {
        // A frozen member takes 40 s: the quick run has one.
        *count = if *fault == Fault::Freeze { extent.of(*count).min(*count) } else { extent.of(*count) };
    }
    scenarios
}

fn whole() -> Vec<Scenario> {
    use Fault::{Freeze, KillBroker, KillMember, KillStore, TearLog};
    let slow = Load::PerSecond(50);
    vec![
        Scenario::new("restart", Load::Full, &[(KillMember, 10)]).expected(Expected::QuickRestart),
        Scenario::new("frozen", Load::Full, &[(Freeze, 10)]).members(2),
        Scenario::new("store-full-1", Load::Full, &[(KillStore, 25)]),
        Scenario::new("store-full-2", Load::Full, &[(KillStore, 25)]),
        Scenario::new("store-slow-1", slow, &[(KillStore, 25)]),
        Scenario::new("store-slow-2", slow, &[(KillStore, 25)]),
        Scenario::new("broker-full", Load::Full, &[(KillBroker, 10)]),
        Scenario::new("broker-slow", slow, &[(KillBroker, 10)]),
        Scenario::new("member-full", Load::Full, &[(KillMember, 25)]).members(2),
        Scenario::new("member-slow", slow, &[(KillMember, 25)]).members(2),
        Scenario::new("torn-full", Load::Full, &[(TearLog, 10)]),
        Scenario::new("torn-slow", slow, &[(TearLog, 5)]),
        Scenario::new("two-clocks", Load::PerSecond(100), &[(KillStore, 6), (KillMember, 4)])
            .times(Times::TwoClocks),
        Scenario::new("constant-time", Load::PerSecond(100), &[(KillStore, 6), (KillMember, 4)])
            .times(Times::Constant),
        Scenario::new("backwards", Load::PerSecond(20), &[(KillStore, 6), (KillMember, 4)])
            .times(Times::Backwards),
        Scenario::new("no-gate", Load::Full, &[(TearLog, 3)]).expected(Expected::Loss),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Extent, Fault, all};

    fn count(extent: Extent, wanted: Fault) -> u32 {
        let faults = all(extent).into_iter().flat_map(|scenario| scenario.faults);
        faults.filter(|(fault, _)| *fault == wanted).map(|(_, count)| count).sum()
    }

    #[test]
    fn whole_run_has_the_faults_that_are_promised() {
        let promised = [
            (Fault::KillStore, 100),
            (Fault::TearLog, 10),
            (Fault::KillMember, 50),
            (Fault::KillBroker, 20),
            (Fault::Freeze, 10),
        ];
        for (fault, least) in promised {
            assert!(count(Extent::Whole, fault) >= least, "{fault:?}");
        }
    }

    #[test]
    fn quick_run_has_every_fault_of_every_scenario() {
        for scenario in all(Extent::Quick) {
            assert!(scenario.faults.iter().all(|(_, count)| *count > 0), "{scenario:?}");
        }
    }
}
