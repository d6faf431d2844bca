//! Pure. What holds where the resource says nothing, so that nobody has to look defaults up.

use kafkasink_crds::duration_text::Delay;
use kafkasink_crds::resource::{BucketSpec, EffectiveSettings};

use crate::model::ValidatedSink;

/// Returns every default as it was resolved; `replicas` is what Kubernetes was asked for, if it was.
pub(super) fn effective(sink: &ValidatedSink, replicas: Option<u32>) -> EffectiveSettings {
    let delivery = &sink.delivery;
    let delay = |milliseconds| Some(Delay::from_millis(milliseconds).to_string());
    let block_records = u64::from(BucketSpec::MAX_BLOCK_RECORDS_DEFAULT);
    EffectiveSettings {
        replicas: replicas.and_then(|replicas| i32::try_from(replicas).ok()),
        image: Some(sink.workload.image.clone()),
        log_level: Some(sink.workload.log_level),
        group_id: Some(sink.kafka.group_id.clone()),
        start_from: Some(sink.kafka.start_from),
        entry: Some(sink.mapping.entry.clone()),
        content_type: Some(sink.mapping.content_type.default.clone()),
        batch_max_records: i32::try_from(delivery.batch_records_max).ok(),
        batch_max_bytes: Some(size(delivery.batch_bytes_max)),
        batch_max_delay: delay(delivery.batch_delay_ms),
        commit_delay: delay(delivery.commit_delay_ms),
        on_rejected: Some(delivery.on_rejected),
        max_block_records: i32::try_from(sink.bucket.settings.max_block_records.unwrap_or(block_records))
            .ok(),
    }
}

/// Writes a size as people do, where it is one.
fn size(bytes: u64) -> String {
    let text = bytes.to_string();
    kafkasink_crds::byte_size::ByteSize::parse(&text).map_or(text, |size| size.to_string())
}
