//! Pure. What is done to the simulated world, and when.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

use super::broker::SEATS;
use super::requests::Troubles;

/// Something that goes wrong, or is only done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The store is killed, and so many times more as soon as it runs again.
    Kill { more: u32 },
    /// The store stands still.
    Freeze(Duration),
    /// One entry stands still.
    Hold(Duration),
    /// A member is killed.
    Crash(usize),
    /// A member's machine is gone: nobody closes its connections.
    MachineGone(usize),
    /// A member stands still.
    FreezeMember(usize, Duration),
    /// A member cannot reach Kafka.
    CutOff(usize, Duration),
    /// A member is told to stop.
    Stop { seat: usize, leaves: bool },
    /// The partition moves to a member.
    Move(usize),
    /// Retention of the log takes so many offsets.
    Retain(i64),
    /// A foreign record appears.
    Foreign,
    /// All members are stopped and started again with the other mapping.
    Remap,
}

/// All that happens to one world.
#[derive(Debug)]
pub(super) struct Plan {
    /// From then on nothing goes wrong any more.
    pub(super) calm_at: Duration,
    pub(super) faults: Vec<(Duration, Fault)>,
    pub(super) troubles: Troubles,
    /// Of a thousand commits so many fail, or are slow.
    pub(super) commits_fail: u32,
    pub(super) letters_fail: u32,
}

impl Plan {
    pub(super) fn new(random: &mut SmallRng) -> Self {
        let mut calm_at = Duration::from_secs([15, 40, 40, 120, 400][random.random_range(0..5)]);
        let count = random.random_range(0..9);
        let retains = random.random_ratio(1, 12);
        let mut faults = Vec::new();
        for _ in 0..count {
            let at = calm_at.mul_f64(random.random_range(0.0..1.0));
            faults.push((at, fault(random, retains)));
        }
        if random.random_ratio(1, 4) {
            let at = calm_at.mul_f64(random.random_range(0.0..1.0));
            faults.push((at, Fault::Remap));
            faults.extend((0..random.random_range(0..5)).map(|_| while_draining(random, at)));
            calm_at = faults.iter().map(|(at, _)| *at).fold(calm_at, Duration::max);
        }
        if random.random_ratio(1, 8) {
            let at = calm_at.mul_f64(random.random_range(0.0..1.0));
            faults.extend(killed_young(random, at));
            calm_at = faults.iter().map(|(at, _)| *at).fold(calm_at, Duration::max);
        }
        let is_rough = random.random_bool(0.6);
        let mut share = |most: u32| if is_rough { random.random_range(0..most) } else { 0 };
        let troubles = Troubles {
            writes_fail: share(250),
            reads_fail: share(100),
            answers_lost: share(100),
            lies: share(60),
            slow: share(150),
        };
        let (commits_fail, some_letters) = (share(150), share(400));
        // Sometimes none is taken, as where the topic for letters does not exist.
        let letters_fail = if random.random_ratio(1, 8) { 1_000 } else { some_letters };
        Self { calm_at, faults, troubles, commits_fail, letters_fail }
    }
}

/// Returns how a store is killed twice within seconds, so that not every clock can tell its two starts apart, while those who
/// have seen the first one end.
fn killed_young(random: &mut impl Rng, at: Duration) -> Vec<(Duration, Fault)> {
    let mut after = |range: std::ops::Range<u64>| at + Duration::from_millis(random.random_range(range));
    let (stopped, killed) = (after(500..6_000), after(3_000..10_000));
    let stop = |seat| (stopped, Fault::Stop { seat, leaves: false });
    let mut faults = vec![(at, Fault::Kill { more: 0 }), (killed, Fault::Kill { more: 0 })];
    faults.extend((0..SEATS).map(stop));
    faults
}

/// Returns what goes wrong about the three minutes in which a changed mapping waits.
fn while_draining(random: &mut impl Rng, remapped: Duration) -> (Duration, Fault) {
    let after = Duration::from_millis(random.random_range(5_000..280_000));
    let seat = random.random_range(0..SEATS);
    let fault = match random.random_range(0..12) {
        0..4 => Fault::Crash(seat),
        4..8 => Fault::Kill { more: [0, 0, 1][random.random_range(0..3)] },
        8 => Fault::MachineGone(seat),
        9 => Fault::Stop { seat, leaves: random.random_bool(0.4) },
        10 => Fault::Move(seat),
        _ => Fault::Remap,
    };
    (remapped + after, fault)
}

fn fault(random: &mut impl Rng, retains: bool) -> Fault {
    let seat = random.random_range(0..SEATS);
    let mut seconds = |range: std::ops::Range<u64>| Duration::from_secs(random.random_range(range));
    let (short, long) = (seconds(1..70), seconds(1..130));
    match random.random_range(0..22) {
        0..6 => Fault::Kill { more: [0, 0, 0, 1, 4][random.random_range(0..5)] },
        6 => Fault::Freeze(short),
        7 => Fault::Hold(short),
        8..11 => Fault::Crash(seat),
        11 => Fault::MachineGone(seat),
        12..14 => Fault::FreezeMember(seat, long),
        14..16 => Fault::CutOff(seat, long),
        16..18 => Fault::Stop { seat, leaves: random.random_bool(0.4) },
        18..20 => Fault::Move(seat),
        20 if retains => Fault::Retain(random.random_range(1..25)),
        _ => Fault::Foreign,
    }
}
