//! Pure. `Curfew`: tells a partition to come to its end, and until when it may prove what it wrote.

use std::future::pending;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::sleep_until;

/// What the driver sets; no time before it has.
#[derive(Debug)]
pub(super) struct Curfew(watch::Sender<Option<Instant>>);

/// What the partition's lane and its request hear.
#[derive(Clone, Debug)]
pub(super) struct Bell(watch::Receiver<Option<Instant>>);

impl Curfew {
    /// Returns a curfew that is not set.
    pub(super) fn new() -> (Self, Bell) {
        let (curfew, bell) = watch::channel(None);
        (Self(curfew), Bell(bell))
    }

    /// Lets the partition begin nothing more, and prove until then what it wrote; an earlier time stays.
    pub(super) fn set(&self, until: Instant) {
        self.0.send_if_modified(|known| {
            let is_earlier = known.is_none_or(|known| until < known);
            *known = if is_earlier { Some(until) } else { *known };
            is_earlier
        });
    }

    /// Waits until nobody can hear it any more: the lane has ended.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn is_unheard(&self) {
        self.0.closed().await;
    }
}

impl Bell {
    /// Returns the time when it is set, and once more when it becomes an earlier one.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Instant {
        loop {
            if self.0.changed().await.is_err() {
                return pending().await;
            }
            if let Some(until) = *self.0.borrow_and_update() {
                return until;
            }
        }
    }

    /// Waits until a time is set.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn is_rung(&self) {
        let mut bell = self.0.clone();
        let is_gone = bell.wait_for(Option::is_some).await.is_err();
        if is_gone {
            pending::<()>().await;
        }
    }

    /// Waits until the time that is set has come.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn is_over(&self) {
        let mut bell = self.clone();
        bell.0.mark_changed();
        let mut until = bell.next().await;
        loop {
            tokio::select! {
                () = sleep_until(until.into()) => return,
                earlier = bell.next() => until = earlier,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures::FutureExt as _;

    use super::Curfew;

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[tokio::test]
    async fn earlier_time_is_told_once_more_and_a_later_one_is_not() {
        let (curfew, mut bell) = Curfew::new();
        assert!(bell.next().now_or_never().is_none() && bell.is_rung().now_or_never().is_none());
        let hours = |hours| now() + Duration::from_hours(hours);
        let (late, later, over) = (hours(1), hours(2), now());
        curfew.set(late);
        assert_eq!(bell.next().now_or_never(), Some(late));
        curfew.set(later);
        assert_eq!(bell.next().now_or_never(), None);
        bell.is_rung().await;
        let mut waiting = Box::pin(bell.is_over());
        assert!(waiting.as_mut().now_or_never().is_none());
        curfew.set(over);
        waiting.await;
        assert_eq!(bell.next().now_or_never(), Some(over));
    }

    #[tokio::test]
    async fn lane_whose_driver_is_gone_is_never_told_and_one_that_has_ended_hears_nothing() {
        let (curfew, mut bell) = Curfew::new();
        assert!(curfew.is_unheard().now_or_never().is_none());
        drop(curfew);
        assert!(bell.next().now_or_never().is_none() && bell.is_rung().now_or_never().is_none());
        assert!(bell.is_over().now_or_never().is_none());
        let (unheard, deaf) = Curfew::new();
        drop(deaf);
        unheard.is_unheard().await;
    }
}
