//! Pure. How records travel, every default resolved.

use kafkasink_crds::resource::{BatchSpec, CommitSpec, DeliverySpec};
use kafkasink_crds::runtime_config::{DeliveryConfig, OnRejected};

use crate::model::Problem;

/// Returns how records travel.
///
/// # Errors
/// Dead letters are asked for without a topic.
pub(super) fn delivery(spec: Option<&DeliverySpec>) -> Result<DeliveryConfig, Problem> {
    let none = DeliverySpec::default();
    let spec = spec.unwrap_or(&none);
    let no_batch = BatchSpec::default();
    let batch = spec.batch.as_ref().unwrap_or(&no_batch);
    let commit_delay = spec.commit.as_ref().and_then(|commit| commit.delay);
    let dead_letter = spec.dead_letter.as_ref();
    let on_rejected = match (spec.on_rejected, dead_letter) {
        (Some(OnRejected::DeadLetter), None) => {
            return Err(Problem::invalid(
                "delivery.deadLetter must be set where onRejected is DeadLetter".to_owned(),
            ));
        }
        (Some(chosen), _) => chosen,
        (None, Some(_)) => OnRejected::DeadLetter,
        (None, None) => OnRejected::Block,
    };
    Ok(DeliveryConfig {
        batch_records_max: batch.max_records.unwrap_or(BatchSpec::MAX_RECORDS_DEFAULT),
        batch_bytes_max: batch.max_bytes.unwrap_or(BatchSpec::MAX_BYTES_DEFAULT).bytes(),
        batch_delay_ms: batch.max_delay.unwrap_or(BatchSpec::MAX_DELAY_DEFAULT).as_millis(),
        commit_delay_ms: commit_delay.unwrap_or(CommitSpec::DELAY_DEFAULT).as_millis(),
        on_rejected,
        dead_letter_topic: dead_letter.map(|dead_letter| dead_letter.topic.as_str().to_owned()),
    })
}
