//! What the pods of a sink have counted. IO: processes.

use anyhow::{Context, Result};

use super::kubectl::Kubectl;
use super::pods;
use crate::lab::in_cluster::NAMESPACE;
use crate::trial::exposition::values;

/// Counters of a sink, over its pods and partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that were read again and whose record the store had.
    pub recognised: u64,
    /// Records that were written again because the store had lost them.
    pub rewritten: u64,
}

impl Counters {
    /// Returns what was counted since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            recognised: self.recognised.saturating_sub(before.recognised),
            rewritten: self.rewritten.saturating_sub(before.rewritten),
        }
    }

    fn plus(self, metrics: &str) -> Result<Self> {
        let Self { recognised, rewritten } = self;
        Ok(Self {
            recognised: recognised + sum(metrics, "kafkasink_duplicates_total")?,
            rewritten: rewritten + sum(metrics, "kafkasink_rewrites_total")?,
        })
    }
}

/// Asks every pod of a sink for its metrics, through the API server.
///
/// # Errors
/// A pod does not answer.
pub async fn of(kubectl: &Kubectl, sink: &str) -> Result<Counters> {
    let pods = pods::selected(kubectl, NAMESPACE, &format!("kafkasink.dev/sink={sink}")).await?;
    let mut counters = Counters::default();
    for pod in pods {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{}:8080/proxy/metrics", pod.name);
        counters = counters.plus(&kubectl.run(&["get", "--raw", &path]).await?)?;
    }
    Ok(counters)
}

/// The sum of a counter over all partitions.
fn sum(metrics: &str, name: &str) -> Result<u64> {
    let read = |value: &str| value.parse::<u64>().with_context(|| format!("read the metric {name}: {value}"));
    values(metrics, name).map(read).sum()
}

#[cfg(test)]
mod tests {
    use super::Counters;

    #[test]
    fn counters_are_added_up_over_pods_and_partitions() {
        let first = "# TYPE kafkasink_rewrites counter\nkafkasink_rewrites_total{topic=\"t\",partition=\"0\"} 2\n\
                     kafkasink_rewrites_total{topic=\"t\",partition=\"1\"} 3\nkafkasink_held_bytes 9\n";
        let second = "kafkasink_duplicates_total{topic=\"t\",partition=\"2\"} 40\n";
        let both = Counters::default().plus(first).unwrap().plus(second).unwrap();
        assert_eq!(both, Counters { recognised: 40, rewritten: 5 });
        assert_eq!(
            both.since(Counters { recognised: 1, rewritten: 5 }),
            Counters { recognised: 39, rewritten: 0 }
        );
    }
}
