//! Shares the memory out between what the topics may ask of this member. IO: files of the kernel, Kafka.

use std::path::Path;
use std::sync::Arc;

use tracing::info;

use super::error::AppError;
use crate::kafka::{Access, Connection, LETTER_BYTES_MAX, survey};
use crate::memory::{Demand, MemoryLimit, MemoryPlan};

/// Looks up how much memory there is, and what the topics can ask of it; waits for brokers for ever.
///
/// # Errors
/// The limit is not known, a setting of the client is refused, or the limit is too small for the topics.
pub(super) async fn share_out(
    connection: Connection<'_>,
    (topics, dead_letter_topic): (&[String], Option<&str>),
    access: &Arc<Access>,
) -> Result<MemoryPlan, AppError> {
    let limit = MemoryLimit::find().map_err(AppError::Limit)?;
    let asked = survey(connection, topics, access).await.map_err(AppError::Survey)?;
    let letter_bytes = if dead_letter_topic.is_some() { u64::from(LETTER_BYTES_MAX) } else { 0 };
    let demand = Demand { letter_bytes, ..asked };
    let plan = MemoryPlan::new(limit.bytes, demand).map_err(AppError::Memory)?;
    let file = limit.file.as_deref().map_or("none, a quarter of the machine".into(), Path::to_string_lossy);
    info!(
        limit_bytes = limit.bytes,
        limit_file = %file,
        brokers = demand.brokers,
        partitions = demand.partitions,
        partitions_max = plan.partitions_max,
        message_bytes = demand.message_bytes,
        share_bytes = plan.share_bytes(demand.partitions),
        unproven_messages = plan.unproven_messages,
        entry_bytes = plan.entry_bytes,
        "memory is shared out"
    );
    Ok(plan)
}
