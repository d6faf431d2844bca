//! IO: none but that of the look it is given. `ShownCertificate`: until when the certificates of some servers are valid, looked
//! at now and then.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How often certificates are looked at.
const AGE_MAX: Duration = Duration::from_hours(1);

/// How often it is tried where none was shown.
const SILENCE_MAX: Duration = Duration::from_mins(5);

/// Certificates that were made one after the other for the servers behind one name end about together, and each look shows
/// another one: what is told must not change with that.
const SAME: SignedDuration = SignedDuration::from_hours(1);

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct ShownCertificate {
    /// Held while one looks, so that all who ask at the same time look once.
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    when: Instant,
    is_shown: bool,
    end: Option<Timestamp>,
}

impl Seen {
    fn is_current(&self, now: Instant) -> bool {
        now.duration_since(self.when) < if self.is_shown { AGE_MAX } else { SILENCE_MAX }
    }
}

impl ShownCertificate {
    /// Returns when the first of the certificates ends whose ends `look` finds, or found lately; `None` where none was ever
    /// shown.
    pub(crate) async fn end(
        &self,
        now: Instant,
        look: impl Future<Output = Vec<Timestamp>>,
    ) -> Option<Timestamp> {
        let mut seen = self.seen.lock().await;
        if let Some(Seen { end, .. }) = seen.filter(|seen| seen.is_current(now)) {
            return end;
        }
        let found = look.await.into_iter().min();
        let end = told(seen.and_then(|seen| seen.end), found);
        *seen = Some(Seen { when: now, is_shown: found.is_some(), end });
        end
    }
}

/// Whoever shows nothing now has not changed his certificate.
fn told(before: Option<Timestamp>, found: Option<Timestamp>) -> Option<Timestamp> {
    match (before, found) {
        (Some(before), Some(found)) if found > before && found.duration_since(before) < SAME => Some(before),
        (before, found) => found.or(before),
    }
}

#[cfg(test)]
mod tests {
    use super::{AGE_MAX, Duration, Instant, SILENCE_MAX, ShownCertificate, Timestamp};

    #[tokio::test]
    async fn looks_now_and_then_and_soon_again_where_nothing_was_shown() {
        let (shown, mut now) = (ShownCertificate::default(), Instant::now());
        let looks: [(Duration, &[i64], Option<i64>); 8] = [
            (Duration::ZERO, &[], None),
            (Duration::ZERO, &[100_000], None),
            (SILENCE_MAX, &[100_010, 100_000], Some(100_000)),
            (SILENCE_MAX, &[1], Some(100_000)),
            (AGE_MAX, &[100_020], Some(100_000)),
            (AGE_MAX, &[], Some(100_000)),
            (AGE_MAX, &[200_000], Some(200_000)),
            (AGE_MAX, &[199_990], Some(199_990)),
        ];
        for (pause, found, expected) in looks {
            now += pause;
            let ends = found.iter().map(|end| Timestamp::from_second(*end).unwrap()).collect();
            let end = shown.end(now, std::future::ready(ends)).await;
            assert_eq!(end.map(Timestamp::as_second), expected, "{found:?}");
        }
    }
}
