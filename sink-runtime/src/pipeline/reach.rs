//! Pure. `Reach`: how far beyond its commit a partition may go, so that members of another mapping know what they cannot find.
//!
//! Whoever replays by the same mapping finds what is stored beyond the commit; by another one he looks in other places, and
//! stores it a second time. So each commit promises an offset below which all lies that was handed out, and nothing is
//! handed out that a promise which the broker has taken does not cover. It runs ahead, so that nobody waits for it.
//!
//! Whoever begins with another mapping reads what lies between commit and promise. Markers of transactions, and what the log
//! does not have any more, nobody can store a second time. A message there may have been stored, whether before or after its
//! owner ended nobody can tell: it refuses the partition.

use crate::record::Offset;
use crate::source::Promise;

/// How far a promise runs ahead of what was read, in offsets: a new one is due when half of it is used up, which takes six
/// seconds at 5,000 messages a second, and the broker takes it within some milliseconds.
pub const REACH_WINDOW: i64 = 65_536;

/// What the broker has taken and told of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupView {
    /// The promise of the last commit in the name of the mapping in force.
    pub taken: Option<Promise>,
    /// No earlier owner was given a message at or above this offset, or will be.
    pub bound: Option<Offset>,
}

/// What members of another mapping may have stored beyond a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Nobody knows yet.
    Unknown,
    /// Nothing that could be stored once more.
    Nothing,
    /// Perhaps messages below this offset.
    Perhaps(Offset),
}

/// What was promised, and what was made of it.
#[derive(Debug)]
pub(super) struct Reach {
    window: i64,
    /// What earlier owners may have handed out lies below.
    inherited: Offset,
    /// Nothing can be added to that any more.
    is_bounded: bool,
    /// What this owner has handed out lies below.
    handed: Offset,
    /// What was read lies below.
    read: Offset,
    /// The first message that was read.
    first: Option<Offset>,
    promise: Promise,
    /// The last promise that a commit was asked for.
    asked: Promise,
    /// What the broker has taken covers everything below; nothing where it was taken in another mapping's name.
    covered: Option<Offset>,
}

impl Reach {
    /// Returns the reach of a partition that begins at `point`, where earlier owners may have handed out what lies below
    /// `inherited`; the commit of the start promises as much, for this member's mapping or another.
    pub(super) fn new(
        window: i64,
        point: Offset,
        (inherited, is_bounded): (Offset, bool),
        is_own: bool,
    ) -> Self {
        let inherited = inherited.max(point);
        let promise = Promise::first(inherited);
        let is_bounded = is_bounded || inherited == point;
        let covered = is_own.then_some(inherited);
        Self {
            window,
            inherited,
            is_bounded,
            handed: point,
            read: point,
            first: None,
            promise,
            asked: promise,
            covered,
        }
    }

    /// Takes what the broker has taken and told.
    pub(super) fn hear(&mut self, view: GroupView) {
        if let Some(bound) = view.bound {
            self.inherited = self.inherited.min(bound);
            self.is_bounded = true;
        }
        let taken = view.taken.filter(|taken| taken.turn == self.promise.turn);
        self.covered = taken.map(|taken| taken.reach).or(self.covered);
    }

    /// Notes that everything below was read.
    pub(super) fn read(&mut self, below: Offset) {
        self.read = self.read.max(below);
    }

    /// Notes that a message was read.
    pub(super) fn read_message(&mut self, offset: Offset) {
        self.first.get_or_insert(offset);
        self.read(offset.next());
    }

    /// Notes that a message is handed out.
    pub(super) fn hand(&mut self, offset: Offset) {
        self.handed = self.handed.max(offset.next());
    }

    /// Tells whether a message may be handed out.
    pub(super) fn covers(&self, offset: Offset) -> bool {
        self.covered.is_some_and(|covered| offset < covered)
    }

    /// Promises more, where that is due; tells whether a commit must be asked for.
    pub(super) fn renew(&mut self) -> bool {
        if self.read.0.saturating_add(self.window / 2) > self.promise.reach.0 {
            self.promise.reach = Offset(self.read.0.saturating_add(self.window)).max(self.promise.reach);
        }
        let is_due =
            self.promise != self.asked && self.covered.is_none_or(|covered| covered < self.promise.reach);
        if is_due {
            self.asked = self.promise;
        }
        is_due
    }

    /// Takes the promise back to what was handed out: nothing more will be until the next [`Self::renew`].
    pub(super) fn take_back(&mut self, point: Offset) {
        let last = self.last(point);
        if last < self.promise.reach {
            self.promise = Promise { reach: last, turn: self.promise.turn.wrapping_add(1) };
            self.asked = self.promise;
            self.covered = self.covered.map(|covered| covered.min(last));
        }
    }

    /// Returns what a commit at `point` promises while more is to be handed out.
    pub(super) fn promise(&self, point: Offset) -> Promise {
        Promise { reach: self.promise.reach.max(point), ..self.promise }
    }

    /// Returns the offset below which everything lies that was handed out, where nothing more will be.
    pub(super) fn last(&self, point: Offset) -> Offset {
        self.inherited.max(self.handed).max(point)
    }

    /// Returns the offset below which everything lies that earlier owners may have handed out.
    pub(super) fn inherited(&self) -> Offset {
        self.inherited
    }

    /// Returns what earlier owners may have stored beyond a point, as far as it is known and was read since.
    pub(super) fn beyond(&self, point: Offset) -> Beyond {
        if !self.is_bounded {
            return Beyond::Unknown;
        }
        // Whatever comes lies in the order of offsets.
        let next = self.first.unwrap_or(self.read);
        if self.inherited <= point.max(next) {
            Beyond::Nothing
        } else if self.first.is_some() {
            Beyond::Perhaps(self.inherited)
        } else {
            Beyond::Unknown
        }
    }
}
