//! Pure. `Fetched` and `World`: what was found in Kubernetes, in Kafka and in the store before anything was decided.

use super::{KafkaView, Problem, StoreView, Token, WorkloadView};

/// What was found in Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// The runtime's token.
    pub(crate) token: SecretValue,
    /// The operator's token.
    pub(crate) admin_token: SecretValue,
    /// The pods as they are, `None` before the first start.
    pub(crate) workload: Option<WorkloadView>,
    /// Objects that carry a name of ours and belong to somebody else, as `Kind name`.
    pub(crate) foreign: Vec<String>,
    /// Objects of an earlier resource of the same name, which Kubernetes is about to remove.
    pub(crate) leftover: Vec<String>,
}

impl Fetched {
    /// What is taken for granted where nothing can be looked up, or need not be.
    pub(crate) fn without_tokens() -> Self {
        Self::default()
    }
}

/// A value that a resource refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SecretValue {
    /// The resource refers to none.
    #[default]
    NotReferenced,
    /// It is there.
    Found(Token),
    /// There is no such Secret.
    NoSecret(String),
    /// The Secret has no such key, or its value is no text.
    NoKey {
        /// Name of the Secret.
        secret: String,
        /// The missing key.
        key: String,
    },
}

/// What was found in Kafka and in the store; a problem where they could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct World {
    /// The Kafka cluster.
    pub(crate) kafka: Result<KafkaView, Problem>,
    /// The store.
    pub(crate) store: Result<StoreView, Problem>,
}
