//! Pure. `Told`: tells of what fails again and again often enough to be seen, rarely enough not to fill a disk.

/// Failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    failures: u32,
}

impl Told {
    /// Notes a failure; returns how many there were in a row where this one is worth a line: the first, and whenever their
    /// number has doubled.
    pub fn fail(&mut self) -> Option<u32> {
        self.failures = self.failures.saturating_add(1);
        self.failures.is_power_of_two().then_some(self.failures)
    }

    /// Returns how many there were in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes a success: the next failure is the first again.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Told;

    #[test]
    fn failures_are_told_when_their_number_has_doubled_and_anew_after_a_success() {
        let mut told = Told::default();
        let lines: Vec<u32> = (0..100).filter_map(|_| told.fail()).collect();
        assert_eq!(lines, [1, 2, 4, 8, 16, 32, 64]);
        told.succeed();
        assert_eq!(told.fail(), Some(1));
    }
}
