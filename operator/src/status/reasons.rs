//! Pure. Which reasons end by themselves, and which need a person.

use kafkasink_crds::resource::Reason;

/// Tells whether nothing will happen before somebody acts.
pub(crate) fn needs_person(reason: Reason) -> bool {
    match reason {
        Reason::Reconciled
        | Reason::Progressing
        | Reason::NotChecked
        | Reason::Paused
        | Reason::ScaledToZero
        | Reason::Draining
        | Reason::KafkaUnreachable
        | Reason::KafkaRequestFailed
        | Reason::TargetUnreachable
        | Reason::TargetRequestFailed
        | Reason::RolloutInProgress
        | Reason::PodsNotReady
        | Reason::PartitionCount
        | Reason::ReplayInProgress
        | Reason::LagHalfOfRetention
        | Reason::LagNearRetention
        | Reason::LostToRetention => false,
        Reason::InvalidSpec
        | Reason::NotImplementedYet
        | Reason::NeedsPause
        | Reason::SecretNotFound
        | Reason::ConfigMapNotFound
        | Reason::TlsFailed
        | Reason::AuthenticationFailed
        | Reason::AuthorizationFailed
        | Reason::KafkaIdentityChanged
        | Reason::TopicNotFound
        | Reason::TopicRefused
        | Reason::TopicConflict
        | Reason::TopicDrifted
        | Reason::PartitionDecreaseNotSupported
        | Reason::ReplicationChangeNotSupported
        | Reason::BucketNotFound
        | Reason::BucketRefused
        | Reason::BucketFull
        | Reason::BucketConflict
        | Reason::BucketDrifted
        | Reason::EntryConflict
        | Reason::NameConflict
        | Reason::WorkloadRefused
        | Reason::OffsetsExpired
        | Reason::PartitionsHeld
        | Reason::NeedsStart
        | Reason::DeletionBlocked => true,
    }
}
