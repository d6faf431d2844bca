//! IO: Kubernetes. `Neighbours`: the resources that the operator watches, from the caches of its controllers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kafkasink_crds::resource::KafkaSink;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, ResourceExt};

use crate::kubernetes::{KubernetesError, call};
use crate::model::Neighbour;
use crate::ownership::{Claims, by_age};

/// What the controllers watch. A controller fills its own cache before it begins to reconcile, others may still be empty
/// then; a resource is in a cache before any younger one is. Resources that cannot be read name nothing.
#[derive(Default)]
pub(crate) struct Neighbours {
    watched: Mutex<Vec<Watched>>,
}

/// What one controller watches.
#[derive(Clone)]
struct Watched {
    cache: Store<DeserializeGuard<KafkaSink>>,
    sinks: Api<DeserializeGuard<KafkaSink>>,
}

impl Neighbours {
    /// Adds what a controller watches, and its cache.
    pub(crate) fn add(
        &self,
        sinks: Api<DeserializeGuard<KafkaSink>>,
        cache: Store<DeserializeGuard<KafkaSink>>,
    ) {
        self.lock().push(Watched { cache, sinks });
    }

    /// Returns the other resources that name anything that this one names, the oldest first.
    ///
    /// # Errors
    /// The Kubernetes API does not answer or refuses us.
    pub(crate) async fn of(&self, resource: &KafkaSink) -> Result<Vec<Neighbour>, KubernetesError> {
        let watched = self.lock().clone();
        let mut found = Vec::new();
        for Watched { cache, sinks } in &watched {
            let cached = cache.state();
            if cached.is_empty() && watched.len() > 1 {
                found.extend(neighbours(list(sinks).await?.iter(), resource));
            } else {
                found.extend(neighbours(cached.iter().map(AsRef::as_ref), resource));
            }
        }
        Ok(sorted(found))
    }

    /// The same as the API server has them now: for what cannot be undone, no cache is asked.
    ///
    /// # Errors
    /// The Kubernetes API does not answer or refuses us.
    pub(crate) async fn listed(&self, resource: &KafkaSink) -> Result<Vec<Neighbour>, KubernetesError> {
        let watched = self.lock().clone();
        let mut found = Vec::new();
        for Watched { sinks, .. } in &watched {
            found.extend(neighbours(list(sinks).await?.iter(), resource));
        }
        Ok(sorted(found))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn list(
    sinks: &Api<DeserializeGuard<KafkaSink>>,
) -> Result<Vec<DeserializeGuard<KafkaSink>>, KubernetesError> {
    call("list KafkaSinks", sinks.list(&ListParams::default())).await.map(|list| list.items)
}

fn neighbours<'a>(
    all: impl Iterator<Item = &'a DeserializeGuard<KafkaSink>>,
    resource: &KafkaSink,
) -> Vec<Neighbour> {
    let claims = Claims::of(&resource.spec);
    let others = all.filter_map(|guarded| concerned(guarded, resource, &claims));
    let neighbour =
        |other: &KafkaSink| Neighbour { older: by_age(other, resource).is_lt(), resource: other.clone() };
    others.map(neighbour).collect()
}

fn sorted(mut found: Vec<Neighbour>) -> Vec<Neighbour> {
    found.sort_by(|one, other| by_age(&one.resource, &other.resource));
    found
}

/// Returns those in the cache that must be looked at again because another resource changed or went.
pub(crate) fn affected(
    cache: &Store<DeserializeGuard<KafkaSink>>,
    changed: &KafkaSink,
) -> Vec<ObjectRef<DeserializeGuard<KafkaSink>>> {
    let (all, claims) = (cache.state(), Claims::of(&changed.spec));
    let affected = all.iter().filter(|guarded| concerned(guarded, changed, &claims).is_some());
    affected.map(|guarded| ObjectRef::from_obj(&**guarded)).collect()
}

/// The resource, if it is another one that can be read and names what `resource` claims.
fn concerned<'a>(
    guarded: &'a DeserializeGuard<KafkaSink>,
    resource: &KafkaSink,
    claims: &Claims<'_>,
) -> Option<&'a KafkaSink> {
    let other = guarded.0.as_ref().ok()?;
    let is_other = other.name_any() != resource.name_any() || other.namespace() != resource.namespace();
    (is_other && claims.concern(&other.spec)).then_some(other)
}
