//! Pure. `Scope`: where one controller looks for resources.

use std::fmt;

use kafkasink_crds::resource::KafkaSink;
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};

/// Where one controller looks for resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everywhere.
    All,
    /// In one namespace.
    Namespace(String),
}

impl Scope {
    /// Returns the name of the namespace; empty where it is everywhere.
    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::All => "",
            Self::Namespace(namespace) => namespace,
        }
    }

    /// Returns the requests for one kind.
    pub(super) fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
            Self::All => Api::all(client.clone()),
        }
    }

    /// Returns the requests for `KafkaSink`s whatever they hold, be they readable or not.
    pub(super) fn raw(&self, client: &Client) -> Api<DynamicObject> {
        let kind = ApiResource::erase::<KafkaSink>(&());
        match self {
            Self::Namespace(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
            Self::All => Api::all_with(client.clone(), &kind),
        }
    }

    /// Returns the requests for one kind's metadata: it tells that something changed, and that is all a watch is for.
    pub(super) fn metadata<K>(&self, client: &Client) -> Api<PartialObjectMeta<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        self.api(client)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all namespaces"),
            Self::Namespace(namespace) => write!(formatter, "namespace {namespace}"),
        }
    }
}
