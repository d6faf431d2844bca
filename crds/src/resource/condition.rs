//! Pure. The closed sets of condition types and reasons that `status.conditions` speaks in.

/// Defines an enum whose variants are written exactly as they are named.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every word of the set, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the word as it stands in a status.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// The types of conditions. A reserved one never appears in this version.
    ConditionType {
        /// The summary: the sink does what its resource asks for.
        Ready,
        /// The operator is still at work; true means not yet.
        Reconciling,
        /// Nothing will happen before somebody acts; true means failed.
        Stalled,
        /// The brokers answer and let the sink in.
        KafkaReachable,
        /// Every topic is as declared.
        TopicsReady,
        /// The store answers, lets the sink in, and the bucket is as declared.
        TargetReady,
        /// The pods run as declared.
        WorkloadAvailable,
        /// Fewer pods run than were asked for, on purpose.
        ReplicasLimited,
        /// Messages may leave Kafka before they are stored, or have left it.
        RetentionAtRisk,
        /// The sink is paused.
        Paused,
    }
}

vocabulary! {
    /// The reasons of conditions. A reserved one is never given in this version: do not wait for it.
    Reason {
        /// All is as declared.
        Reconciled,
        /// Steps of the operator are under way.
        Progressing,
        /// It has not been looked at, because something before it failed.
        NotChecked,
        /// The resource contradicts itself.
        InvalidSpec,
        /// A field is accepted but does not work in this version; the message names it.
        NotImplementedYet,
        /// `paused` is set.
        Paused,
        /// `replicas` is 0.
        ScaledToZero,
        /// A change that is possible only while `paused`: of the group, the bucket or the Kafka cluster.
        NeedsPause,
        /// Reserved: members finish what was read under an earlier mapping or packing.
        Draining,
        /// A Secret or one of its keys does not exist.
        SecretNotFound,
        /// A `ConfigMap` or one of its keys does not exist.
        ConfigMapNotFound,
        /// No broker answers: name resolution or connection failed.
        KafkaUnreachable,
        /// The certificate of the brokers, of the store or our own is not accepted, or TLS is spoken on one side alone.
        TlsFailed,
        /// User, password or token are refused.
        AuthenticationFailed,
        /// A permission is missing; the message names it.
        AuthorizationFailed,
        /// The brokers refused or failed a request.
        KafkaRequestFailed,
        /// The brokers belong to another cluster than before; the message says how to accept it.
        KafkaIdentityChanged,
        /// The topic does not exist and may not be created.
        TopicNotFound,
        /// The brokers refuse the topic as it is declared.
        TopicRefused,
        /// An older resource decides about the topic, which differs from what this one declares.
        TopicConflict,
        /// The topic differs from what is declared and is left alone, as `managementPolicy` says.
        TopicDrifted,
        /// Kafka cannot take partitions away.
        PartitionDecreaseNotSupported,
        /// The number of replicas of an existing topic is not altered.
        ReplicationChangeNotSupported,
        /// The store does not answer.
        TargetUnreachable,
        /// The store refused or failed a request.
        TargetRequestFailed,
        /// The bucket does not exist and may not be created.
        BucketNotFound,
        /// The store refuses the bucket as it is declared.
        BucketRefused,
        /// The bucket has reached its HARD quota and takes no more.
        BucketFull,
        /// An older resource decides about the bucket, which differs from what this one declares.
        BucketConflict,
        /// The bucket differs from what is declared and may not be altered, or is left alone, as `managementPolicy` says.
        BucketDrifted,
        /// An older resource writes entries that could meet these.
        EntryConflict,
        /// An object of that name exists and belongs to somebody else.
        NameConflict,
        /// Kubernetes refused an object of the sink.
        WorkloadRefused,
        /// Pods are being replaced.
        RolloutInProgress,
        /// Pods do not become ready.
        PodsNotReady,
        /// There are no more partitions to share.
        PartitionCount,
        /// The group had offsets and has none any more.
        OffsetsExpired,
        /// Partitions stand still until a person acts; the pod's log says what is to be done.
        PartitionsHeld,
        /// `kafka.groupId` was changed, and the new group has no offsets: a person must set them, or put the old group back.
        NeedsStart,
        /// Reserved: members read again what the store may have lost.
        ReplayInProgress,
        /// The oldest message that is not stored has passed half of its retention.
        LagHalfOfRetention,
        /// The oldest message that is not stored has passed four fifths of its retention.
        LagNearRetention,
        /// Messages left Kafka before they were stored.
        LostToRetention,
        /// Reserved (an Event of that name exists): something prevents the deletion that was asked for.
        DeletionBlocked,
    }
}

#[cfg(test)]
mod tests {
    use super::{ConditionType, Reason};

    #[test]
    fn writes_words_as_they_are_named() {
        assert_eq!(ConditionType::KafkaReachable.as_str(), "KafkaReachable");
        assert_eq!(Reason::PartitionDecreaseNotSupported.to_string(), "PartitionDecreaseNotSupported");
    }

    #[test]
    fn says_nothing_twice() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
