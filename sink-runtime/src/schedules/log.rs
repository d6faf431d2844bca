//! Pure. `Log`: the messages of the simulated partition, with all the times that producers have been seen to give, and the
//! markers of transactions between and behind them.

use std::time::Duration;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

use crate::budget::Hold;
use crate::record::{Headers, Message, Offset};

/// The wall clock when the simulation begins, in milliseconds since 1970-01-01 UTC.
pub(super) const WALL_MS: u64 = 1_700_000_000_000;

/// Body of a message that the store refuses.
pub(super) const POISON: &[u8] = b"poison";

/// What the log holds at an offset.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) offset: i64,
    pub(super) appended: Duration,
    pub(super) timestamp_ms: i64,
    pub(super) kind: Kind,
}

/// What it is, and what must become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A record of the entry with this key.
    Record(&'static str),
    /// A letter: the mapping can do nothing with it.
    Unmappable,
    /// A letter: the store refuses it.
    Poison,
    /// Nothing: it is no message.
    Marker,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) logged: Vec<Logged>,
    /// What retention has left begins here.
    pub(super) low: i64,
}

/// How the producers give times.
#[derive(Clone, Copy, Debug)]
enum Times {
    Rising,
    Bursts,
    Constant,
    Late,
    VeryLate,
    Backwards,
    TwoClocks,
}

impl Log {
    /// Returns a log that grows until `end`.
    pub(super) fn new(random: &mut SmallRng, end: Duration, is_bounded: bool) -> Self {
        let times = [
            Times::Rising,
            Times::Bursts,
            Times::Late,
            Times::Constant,
            Times::VeryLate,
            Times::Backwards,
            Times::TwoClocks,
        ];
        // A bucket evicts whole blocks: late records in a full one would be rewritten and evicted again for ever.
        let kinds = if is_bounded { 2 } else { times.len() };
        let times = times[random.random_range(0..kinds)];
        let count: u64 = random.random_range(15..70);
        let rejects = if random.random_bool(0.3) { 8 } else { 0 };
        let is_transactional = random.random_bool(0.4);
        let keys: &[&'static str] = if random.random_bool(0.5) { &["a"] } else { &["a", "a", "b"] };
        let mut appended: Vec<Duration> = (0..count).map(|_| moment(random, end)).collect();
        appended.sort();
        let mut offset = random.random_range(0..3);
        let mut logged = Vec::new();
        for (number, appended) in (0..count).zip(appended) {
            if is_transactional && random.random_ratio(1, 4) {
                logged.push(Logged::marker(offset, appended));
                offset += 1;
            }
            let timestamp_ms = times.give(random, number, appended);
            let kind = match random.random_range(0..100) {
                dice if dice < rejects / 2 => Kind::Unmappable,
                dice if dice < rejects => Kind::Poison,
                _ => Kind::Record(keys[random.random_range(0..keys.len())]),
            };
            logged.push(Logged { offset, appended, timestamp_ms, kind });
            offset += if random.random_ratio(1, 10) { random.random_range(2..5) } else { 1 };
        }
        let markers = if is_transactional { random.random_range(1..4) } else { 0 };
        logged.extend((0..markers).map(|number| Logged::marker(offset + number, end)));
        Self { logged, low: 0 }
    }

    /// Returns the offset after the last message or marker.
    pub(super) fn end(&self) -> i64 {
        self.logged.last().map_or(0, |last| last.offset + 1)
    }

    /// Returns the same by now.
    pub(super) fn high(&self, now: Duration) -> i64 {
        let there = self.logged.partition_point(|logged| logged.appended <= now);
        self.logged[..there].last().map_or(self.low, |last| (last.offset + 1).max(self.low))
    }

    /// Returns what is there from an offset on, and when there will be more where there is nothing.
    pub(super) fn read(&self, from: i64, now: Duration, most: usize) -> Result<&[Logged], Option<Duration>> {
        let first = self.logged.partition_point(|logged| logged.offset < from);
        let there = self.logged.partition_point(|logged| logged.appended <= now);
        if first < there {
            return Ok(&self.logged[first..there.min(first + most)]);
        }
        Err(self.logged.get(first).map(|logged| logged.appended))
    }
}

impl Logged {
    fn marker(offset: i64, appended: Duration) -> Self {
        Self { offset, appended, timestamp_ms: 0, kind: Kind::Marker }
    }

    /// Returns the message, if it is one.
    pub(super) fn message(&self) -> Option<Message> {
        let (key, value) = match self.kind {
            Kind::Record(key) => (Some(key), b"0123456789".as_slice()),
            Kind::Unmappable => (None, b"0123456789".as_slice()),
            Kind::Poison => (Some("a"), POISON),
            Kind::Marker => return None,
        };
        Some(Message {
            offset: Offset(self.offset),
            timestamp_ms: Some(self.timestamp_ms),
            key: key.map(Bytes::from),
            value: Some(Bytes::from_static(value)),
            headers: Headers::Readable(Vec::new()),
            hold: Hold::none(),
        })
    }
}

impl Times {
    fn give(self, random: &mut impl Rng, number: u64, appended: Duration) -> i64 {
        let hour = 3_600_000;
        let now = WALL_MS + u64::try_from(appended.as_millis()).unwrap();
        let time = match self {
            Self::Rising => now,
            Self::Bursts => now / 5_000 * 5_000,
            Self::Constant => WALL_MS,
            Self::Late if random.random_ratio(1, 3) => now - random.random_range(0..9_000),
            Self::VeryLate if random.random_ratio(1, 6) => now - random.random_range(0..2 * hour),
            Self::Late | Self::VeryLate => now,
            Self::Backwards => WALL_MS - number * random.random_range(1..3) * 100,
            Self::TwoClocks => now - hour * random.random_range(0..2),
        };
        i64::try_from(time).unwrap()
    }
}

/// Messages come in crowds: half of them in the first seconds, the others whenever.
fn moment(random: &mut impl Rng, end: Duration) -> Duration {
    let end_ms = u64::try_from(end.as_millis()).unwrap();
    let crowd = random.random_range(0..3u64) * end_ms / 3;
    Duration::from_millis(if random.random_bool(0.6) {
        crowd + random.random_range(0..3_000.min(end_ms))
    } else {
        random.random_range(0..end_ms)
    })
}
