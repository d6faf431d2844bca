//! Pure. `Complaints`: which errors of the client library are worth a line. It reports each as long as it lasts, several
//! of them in turns, and never that one is over.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::error::KafkaError;
use tokio::time::Instant;

use crate::told::Told;

/// After so long without any error the next one is news.
const QUIET: Duration = Duration::from_mins(1);

/// The errors since it was quiet last, by their text: there are as many as librdkafka has codes.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    told: HashMap<String, Told>,
    last: Option<Instant>,
}

impl Complaints {
    /// Notes an error; returns how often it came where that is worth a line.
    pub(super) fn note(&mut self, error: &KafkaError, now: Instant) -> Option<u32> {
        if self.last.replace(now).is_some_and(|last| now.duration_since(last) > QUIET) {
            self.told.clear();
        }
        self.told.entry(error.to_string()).or_default().fail()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::error::{KafkaError, RDKafkaErrorCode};
    use tokio::time::Instant;

    use super::{Complaints, QUIET};

    #[test]
    fn errors_that_take_turns_are_told_ever_more_seldom_and_anew_after_quiet() {
        let (mut complaints, mut now) = (Complaints::default(), Instant::now());
        let errors = [RDKafkaErrorCode::AllBrokersDown, RDKafkaErrorCode::BrokerTransportFailure];
        let mut lines = Vec::new();
        for code in errors.iter().cycle().take(40) {
            now += Duration::from_secs(1);
            lines.extend(complaints.note(&KafkaError::MessageConsumption(*code), now));
        }
        assert_eq!(lines, [1, 1, 2, 2, 4, 4, 8, 8, 16, 16]);
        now += QUIET + Duration::from_secs(1);
        let again = KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown);
        assert_eq!(complaints.note(&again, now), Some(1));
    }
}
