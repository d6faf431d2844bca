//! IO: none. `Neighbours`: the resources that the operator watches, from the cache of its controller.

use std::sync::{Mutex, PoisonError};

use kafkasink_crds::resource::KafkaSink;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};

use crate::model::Neighbour;
use crate::ownership::{Claims, by_age};

/// The caches of the controllers. A controller fills its own before it begins to reconcile; a resource is in it before
/// any younger one is.
#[derive(Default)]
pub(crate) struct Neighbours {
    caches: Mutex<Vec<Store<DeserializeGuard<KafkaSink>>>>,
}

impl Neighbours {
    /// Adds the cache of a controller.
    pub(crate) fn add(&self, cache: Store<DeserializeGuard<KafkaSink>>) {
        self.caches.lock().unwrap_or_else(PoisonError::into_inner).push(cache);
    }

    /// Returns the other resources that name anything that this one names, the oldest first.
    pub(crate) fn of(&self, resource: &KafkaSink) -> Vec<Neighbour> {
        let caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let claims = Claims::of(&resource.spec);
        let mut found = Vec::new();
        for guarded in caches.iter().flat_map(Store::state) {
            if let Some(other) = concerned(&guarded, resource, &claims) {
                found.push(Neighbour { older: by_age(other, resource).is_lt(), resource: other.clone() });
            }
        }
        found.sort_by(|one, other| by_age(&one.resource, &other.resource));
        found
    }
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
