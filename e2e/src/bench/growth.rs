//! Pure. How the cost of a message grows with what is stored already: by tenth of all messages.

use super::samples::Sample;

/// Parts that a run is cut into.
const PARTS: u32 = 10;

/// A tenth of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tenth {
    /// Messages stored in a second.
    pub(super) messages_per_second: f64,
    /// Microseconds of the sink's CPU for each message.
    pub(super) cpu_us: f64,
    /// Microseconds of the store's CPU for each message.
    pub(super) store_cpu_us: f64,
}

/// Cuts a run into tenths by what was stored; none where it was not sampled in each.
///
/// The cuts are where a sample was taken, and each tenth is divided by what it really holds.
pub(super) fn tenths(samples: &[Sample], messages: f64) -> Option<Vec<Tenth>> {
    let cut = |part: u32| {
        let stored = messages * f64::from(part) / f64::from(PARTS);
        samples.iter().find(|sample| sample.stored >= stored)
    };
    let cuts: Vec<&Sample> = (0..=PARTS).map(cut).collect::<Option<_>>()?;
    cuts.windows(2)
        .map(|pair| match pair {
            [from, to] if to.stored > from.stored => Some(tenth(from, to)),
            _ => None,
        })
        .collect()
}

/// Returns the sink's CPU for a message of the last tenth, as a multiple of one of the first.
pub(super) fn growth(tenths: &[Tenth]) -> Option<f64> {
    Some(tenths.last()?.cpu_us / tenths.first()?.cpu_us)
}

fn tenth(from: &Sample, to: &Sample) -> Tenth {
    let messages = to.stored - from.stored;
    Tenth {
        messages_per_second: messages / (to.seconds - from.seconds),
        cpu_us: (to.cpu_seconds - from.cpu_seconds) * 1e6 / messages,
        store_cpu_us: (to.store_cpu_seconds - from.store_cpu_seconds) * 1e6 / messages,
    }
}

#[cfg(test)]
mod tests {
    use super::{Sample, growth, tenths};

    /// 100 messages a second for the first half, 50 for the second, each costing as much CPU as time.
    fn samples() -> Vec<Sample> {
        let sample = |stored: u32| {
            let seconds = f64::from(stored.min(500)) / 100.0 + f64::from(stored.saturating_sub(500)) / 50.0;
            Sample {
                seconds,
                stored: f64::from(stored),
                cpu_seconds: 7.0 + seconds / 10.0,
                store_cpu_seconds: seconds,
                ..Sample::default()
            }
        };
        (0..=250).map(|step| sample(step * 4)).collect()
    }

    #[test]
    fn each_tenth_is_divided_by_what_it_holds() {
        let tenths = tenths(&samples(), 1_000.0).unwrap();
        assert_eq!(tenths.len(), 10);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(close(tenths[0].messages_per_second, 100.0) && close(tenths[9].messages_per_second, 50.0));
        assert!(close(tenths[0].cpu_us, 1_000.0) && close(tenths[9].cpu_us, 2_000.0));
        assert!(close(tenths[0].store_cpu_us, 10_000.0));
        assert!(close(growth(&tenths).unwrap(), 2.0));
    }

    #[test]
    fn a_tenth_without_a_sample_of_its_own_is_no_result() {
        let samples = samples();
        assert!(tenths(&samples[..200], 1_000.0).is_none(), "not done");
        let few: Vec<Sample> = samples.into_iter().step_by(50).collect();
        assert!(tenths(&few, 1_000.0).is_none(), "sampled too rarely");
        assert_eq!(growth(&[]), None);
    }
}
