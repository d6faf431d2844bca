//! Pure. What was seen of sinks while they worked, and what a run came to by it.

use super::case::{Case, Contender, Load};
use super::row::{Row, Run};

/// What was seen at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// Seconds since the start of reading.
    pub(super) seconds: f64,
    /// Messages that the store has taken.
    pub(super) stored: f64,
    /// Messages below the committed offsets.
    pub(super) committed: f64,
    /// CPU seconds of the sinks since they were started.
    pub(super) cpu_seconds: f64,
    /// CPU seconds of the store since it was started.
    pub(super) store_cpu_seconds: f64,
    /// Peak memory of the sinks, together.
    pub(super) rss_bytes: u64,
}

/// Returns what a run came to; none where it is not done.
pub(super) fn run(samples: &[Sample], case: Case, load: Load) -> Option<Run> {
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer messages than 2⁵²")]
    let all = load.messages as f64;
    let first = samples.first()?;
    let stored = samples.iter().find(|sample| sample.stored >= all)?;
    let done = samples.iter().find(|sample| sample.stored >= all && sample.committed >= all)?;
    let row = Row {
        case: case.name(),
        contender: Contender::Kafkasink.name(),
        messages: load.messages,
        bytes: load.bytes(),
        seconds: stored.seconds,
        cpu_seconds: done.cpu_seconds,
        store_cpu_seconds: done.store_cpu_seconds - first.store_cpu_seconds,
        rss_bytes: done.rss_bytes,
    };
    Some(Run { row, committed_seconds: Some(done.seconds) })
}

#[cfg(test)]
mod tests {
    use super::{Case, Load, Sample, run};

    #[test]
    fn the_clock_stops_at_the_last_answer_and_the_cpu_at_the_last_commit() {
        let sample = |seconds, stored, committed, cpu_seconds| Sample {
            seconds,
            stored,
            committed,
            cpu_seconds,
            store_cpu_seconds: 100.0 + cpu_seconds,
            rss_bytes: 7,
        };
        let samples = [
            sample(0.0, 0.0, 0.0, 0.5),
            sample(4.0, 10.0, 5.0, 2.0),
            sample(6.0, 10.0, 10.0, 2.5),
            sample(9.0, 10.0, 10.0, 9.0),
        ];
        let load = Load { messages: 10, message_bytes: 3 };
        let result = run(&samples, Case::OneKb, load).unwrap();
        assert!((result.row.seconds - 4.0).abs() < f64::EPSILON);
        assert!((result.committed_seconds.unwrap() - 6.0).abs() < f64::EPSILON);
        assert!((result.row.cpu_seconds - 2.5).abs() < f64::EPSILON);
        assert!((result.row.store_cpu_seconds - 2.0).abs() < f64::EPSILON);
        assert_eq!((result.row.messages, result.row.bytes, result.row.rss_bytes), (10, 30, 7));
        assert!(run(&samples[..2], Case::OneKb, load).is_none(), "not everything is committed");
    }
}
