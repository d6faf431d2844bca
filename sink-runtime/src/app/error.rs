//! Pure. `AppError`: why a member cannot run, or ended.

use std::time::Duration;

use crate::admin::AdminError;
use crate::identity::IdentityError;
use crate::kafka::{CredentialsError, KafkaDeadLettersError, KafkaSourceError, SurveyError};
use crate::map::MapperError;
use crate::memory::{LimitError, PlanError};
use crate::pipeline::PipelineError;
use crate::reduct::ReductWriterError;
use crate::shutdown::ShutdownError;

/// Why a member cannot run, or ended.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It has no name.
    #[error(transparent)]
    Identity(IdentityError),
    /// The mapping is wrong.
    #[error("mapping.entry")]
    Mapper(#[source] MapperError),
    /// The store's address is wrong.
    #[error("reductStore.url")]
    Writer(#[source] ReductWriterError),
    /// The topics cannot be looked up.
    #[error("kafka")]
    Survey(#[source] SurveyError),
    /// How much memory there is is not known.
    #[error("cannot find the memory limit")]
    Limit(#[source] LimitError),
    /// There is too little memory.
    #[error(transparent)]
    Memory(PlanError),
    /// The consumer cannot begin.
    #[error("kafka")]
    Source(#[source] KafkaSourceError),
    /// The producer of dead letters cannot begin.
    #[error("delivery.deadLetterTopic")]
    DeadLetters(#[source] KafkaDeadLettersError),
    /// A file that the brokers' credentials stand in cannot be used.
    #[error(transparent)]
    Credentials(CredentialsError),
    /// Signals cannot be received.
    #[error("cannot be told to stop")]
    Signals(#[source] ShutdownError),
    /// The endpoints are not served.
    #[error("--admin-address")]
    Admin(#[source] AdminError),
    /// The pipeline ended.
    #[error("the pipeline ended")]
    Pipeline(#[source] PipelineError),
    /// Stopping took too long.
    #[error("stopping took longer than {0:?}")]
    Late(Duration),
}
