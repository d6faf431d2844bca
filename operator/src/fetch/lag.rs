//! IO: HTTP. How old the oldest message not yet stored is, as the members themselves report it.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;

use crate::context::Context;
use crate::desired::ADMIN_PORT;
use crate::model::PodView;

/// The runtime's gauge: one line per topic and partition.
const METRIC: &str = "kafkasink_consumer_lag_seconds";

/// A member that does not answer at once is asked again next time.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many members are asked at the same time.
const CONCURRENCY: usize = 8;

/// Returns the age in seconds of the oldest message not yet stored; `None` where a member did not say.
pub(crate) async fn lag_seconds(context: &Context, pods: &[PodView]) -> Option<f64> {
    let addresses: Vec<_> = pods.iter().filter_map(|pod| pod.address.clone()).collect();
    let asked = stream::iter(addresses).map(|address| ask(&context.http, address));
    let members: Vec<_> = asked.buffer_unordered(CONCURRENCY).collect().await;
    // One silent member may be the one that is behind: then nothing is known.
    members.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().reduce(f64::max)
}

/// The highest age that one member reports; `Some(None)` where it has no partition.
async fn ask(http: &reqwest::Client, address: String) -> Option<Option<f64>> {
    let host = if address.contains(':') { format!("[{address}]") } else { address };
    let url = format!("http://{host}:{ADMIN_PORT}/metrics");
    let answer = http.get(url).timeout(TIMEOUT).send().await.ok()?.error_for_status().ok()?;
    Some(highest(&answer.text().await.ok()?))
}

fn highest(metrics: &str) -> Option<f64> {
    let samples = metrics.lines().filter_map(|line| line.strip_prefix(METRIC));
    let values = samples.filter(|rest| rest.starts_with(['{', ' '])).filter_map(|rest| rest.rsplit_once(' '));
    values.filter_map(|(_, value)| value.parse().ok()).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::highest;

    #[test]
    fn takes_the_highest_of_all_partitions() {
        let text = "# TYPE kafkasink_consumer_lag_seconds gauge\n\
                    kafkasink_consumer_lag_seconds{topic=\"a b\",partition=\"0\"} 1.5\n\
                    kafkasink_consumer_lag_seconds{topic=\"a\",partition=\"1\"} 12\n\
                    kafkasink_consumer_lag_seconds_max 99\n";
        assert_eq!(highest(text), Some(12.0));
        assert_eq!(highest("# EOF\n"), None);
    }
}
