//! Looks at the store for all partitions: whether it answers, and whether it was restarted. IO: store, clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::standing::StoreSeen;
use super::status::Health;
use crate::clock::since_boot;
use crate::store_start::{Sighting, StartClock, StoreStart};
use crate::writer::{StoreError, StorePulse, Writer};

/// How often the store is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Shortest time between two looks, however often one is asked for.
const PAUSE: Duration = Duration::from_millis(500);

/// What the partitions see of the store, and how they ask for another look.
#[derive(Clone, Debug)]
pub(super) struct StoreView {
    pub(super) seen: watch::Receiver<Option<StoreSeen>>,
    pub(super) look_again: Arc<Notify>,
}

/// Looks at the store.
pub(super) struct StoreWatch<W> {
    writer: Arc<W>,
    health: Arc<Health>,
    clock: StartClock,
    seen: watch::Sender<Option<StoreSeen>>,
    look_again: Arc<Notify>,
    was_reachable: Option<bool>,
}

impl<W: Writer> StoreWatch<W> {
    pub(super) fn new(writer: Arc<W>, health: Arc<Health>) -> (Self, StoreView) {
        let (sender, seen) = watch::channel(None);
        let look_again = Arc::new(Notify::new());
        let view = StoreView { seen, look_again: Arc::clone(&look_again) };
        let clock = StartClock::default();
        (Self { writer, health, clock, seen: sender, look_again, was_reachable: None }, view)
    }

    /// Looks again and again, for ever.
    pub(super) async fn run(mut self) {
        loop {
            self.look().await;
            sleep(PAUSE).await;
            let _asked = timeout(EVERY.saturating_sub(PAUSE), self.look_again.notified()).await.is_ok();
        }
    }

    async fn look(&mut self) {
        let (asked, asked_at) = (since_boot(), Instant::now().into_std());
        let pulse = self.writer.pulse().await;
        self.health.set_store_reachable(pulse.is_ok());
        self.tell(&pulse);
        let Ok(pulse) = pulse else {
            return;
        };
        let wall_s = Timestamp::now().as_second();
        let start = self.start(Sighting { asked, answered: since_boot(), wall_s, uptime: pulse.uptime });
        if let Some(start) = start {
            self.publish(start, asked_at, pulse);
        }
    }

    /// Returns since when the store runs; a restart never bears the start before.
    fn start(&mut self, sighting: Sighting) -> Option<StoreStart> {
        let before = self.seen.borrow().map(|before| before.start);
        match (self.clock.see(sighting), before) {
            (None, before) => before,
            (Some(start), None) => Some(start),
            (Some(start), Some(before)) => {
                info!("the store was restarted, what it may have lost is read again");
                Some(if start == before { StoreStart(start.0 + 1) } else { start })
            }
        }
    }

    /// Every look is told, also one that shows nothing new: what was proven is safe once the store was seen after it.
    fn publish(&self, start: StoreStart, asked_at: std::time::Instant, pulse: StorePulse) {
        let before = self.seen.borrow().and_then(|before| before.block_records);
        let seen_at = Instant::now().into_std();
        let (uptime, block_records) = (pulse.uptime, pulse.block_records.or(before));
        if self.seen.send(Some(StoreSeen { start, asked_at, seen_at, uptime, block_records })).is_err() {
            debug!("no partition looks at the store any more");
        }
    }

    fn tell(&mut self, pulse: &Result<StorePulse, StoreError>) {
        if self.was_reachable.replace(pulse.is_ok()) == Some(pulse.is_ok()) {
            return;
        }
        match pulse {
            Ok(_) => debug!("the store is reachable"),
            Err(error) => warn!(%error, "the store is not ready, it is waited for"),
        }
    }
}
