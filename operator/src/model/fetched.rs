//! Pure. `Fetched` and `World`: what was found in Kubernetes, in Kafka and in the store before anything was decided.

use super::{KafkaView, Neighbour, Problem, StoreView, Token, Unreadable, WorkloadView};

/// What was found in Kubernetes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fetched {
    /// The runtime's token.
    pub(crate) token: SecretValue,
    /// The operator's token.
    pub(crate) admin_token: SecretValue,
    /// The store's authorities.
    pub(crate) store_ca: SecretValue,
    /// By what the brokers and the sink know each other.
    pub(crate) kafka: KafkaValues,
    /// The pods as they are, `None` before the first start.
    pub(crate) workload: Option<WorkloadView>,
    /// Objects that carry a name of ours and belong to somebody else, as `Kind name`.
    pub(crate) foreign: Vec<String>,
    /// Objects of an earlier resource of the same name, which Kubernetes is about to remove.
    pub(crate) leftover: Vec<String>,
    /// Other resources that name a topic or a bucket of this one, the oldest first.
    pub(crate) neighbours: Vec<Neighbour>,
    /// Resources that cannot be read, as far as they were looked at.
    pub(crate) unreadable: Vec<Unreadable>,
}

impl Fetched {
    /// What is taken for granted where nothing can be looked up, or need not be.
    pub(crate) fn without_tokens() -> Self {
        Self::default()
    }
}

/// What the resource refers to of Kafka's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KafkaValues {
    /// The brokers' authorities.
    pub(crate) ca: SecretValue,
    /// The certificate that is shown to them.
    pub(crate) certificate: SecretValue,
    /// Its private key.
    pub(crate) private_key: SecretValue,
    /// The user's name.
    pub(crate) username: SecretValue,
    /// The user's password.
    pub(crate) password: SecretValue,
}

/// A value that a resource refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SecretValue {
    /// The resource refers to none.
    #[default]
    NotReferenced,
    /// It is there.
    Found(Token),
    /// There is no such object, `Secret name` or `ConfigMap name`.
    NoObject(String),
    /// The object has no such key, or its value is no text.
    NoKey {
        /// The object, `Secret name` or `ConfigMap name`.
        object: String,
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
