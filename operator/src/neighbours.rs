//! IO: Kubernetes. `Neighbours`: the resources that the operator watches, from the caches of its controllers, and who of them
//! is looked at because another one changed, whichever controller watches it.

mod bell;
mod changes;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafkasink_crds::resource::KafkaSink;
use kube::api::{DynamicObject, ListParams};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::{Api, ResourceExt};

use crate::kubernetes::{KubernetesError, call};
use crate::model::{Neighbour, Unreadable};
use crate::ownership::{Claims, by_age};
use bell::Bell;
use changes::{Change, Changes, Heard};

/// A resource, or why it cannot be read: one that cannot must not stop the others.
pub(crate) type Guarded = DeserializeGuard<KafkaSink>;

/// What the controllers watch. A controller fills its own cache before it begins to reconcile, others may still be empty
/// then; a resource is in a cache before any younger one is. Resources that cannot be read name nothing. A namespace that
/// refuses us, which the controller tells, is as one that is not watched.
#[derive(Default)]
pub(crate) struct Neighbours {
    members: Mutex<Vec<Arc<Member>>>,
}

/// What one controller watches.
pub(crate) struct Member {
    cache: Store<Guarded>,
    sinks: Api<DynamicObject>,
    is_filled: AtomicBool,
    /// Whether the API server has refused us a list of them, until the controller may list them.
    is_refused: AtomicBool,
    changes: Mutex<Changes>,
    bell: Bell<ObjectRef<Guarded>>,
}

impl Member {
    /// Returns the cache of the controller.
    pub(crate) fn cache(&self) -> &Store<Guarded> {
        &self.cache
    }

    /// Takes note that the API server lets us list the resources of this controller.
    pub(crate) fn may_list(&self) {
        self.is_refused.store(false, Ordering::Release);
    }

    /// Returns what is there before the cache is filled; nothing where we are refused, without asking each time.
    async fn early(&self) -> Result<Vec<KafkaSink>, KubernetesError> {
        if self.is_refused.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        match list(&self.sinks).await {
            Ok((readable, _)) => Ok(readable),
            Err(error) if error.is_forbidden() => {
                self.is_refused.store(true, Ordering::Release);
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until resources of this controller are to be looked at because others changed, and returns them.
    pub(crate) async fn woken(&self) -> HashSet<ObjectRef<Guarded>> {
        self.bell.taken().await
    }
}

impl Neighbours {
    /// Adds what a controller watches, and its cache.
    pub(crate) fn join(&self, sinks: Api<DynamicObject>, cache: Store<Guarded>) -> Arc<Member> {
        let (is_filled, is_refused) = (AtomicBool::default(), AtomicBool::default());
        let (changes, bell) = (Mutex::default(), Bell::default());
        let member = Arc::new(Member { cache, sinks, is_filled, is_refused, changes, bell });
        self.lock().push(Arc::clone(&member));
        member
    }

    /// Takes note of what a controller's watch tells, once its cache has, wakes whom it concerns, and returns the uids of
    /// resources that are gone.
    pub(crate) fn heard(&self, member: &Member, event: &Event<Guarded>) -> Vec<String> {
        if matches!(event, Event::InitDone) {
            member.is_filled.store(true, Ordering::Release);
        }
        let Heard { changes, gone } =
            member.changes.lock().unwrap_or_else(PoisonError::into_inner).heard(event);
        if changes.is_empty() {
            return gone;
        }
        for watched in self.all() {
            let resources = watched.cache.state();
            watched.bell.ring(changes.iter().flat_map(|change| concerned_by(change, &resources)));
        }
        gone
    }

    /// Tells whether a resource is still there, as far as the caches know; another one of its name is not it.
    pub(crate) fn has(&self, resource: &Guarded) -> bool {
        let (reference, uid) = (ObjectRef::from_obj(resource), resource.uid());
        self.all().iter().any(|member| member.cache.get(&reference).is_some_and(|known| known.uid() == uid))
    }

    /// Returns the other resources that name anything that this one names, the oldest first.
    ///
    /// # Errors
    /// The Kubernetes API does not answer or refuses us.
    pub(crate) async fn of(&self, resource: &KafkaSink) -> Result<Vec<Neighbour>, KubernetesError> {
        let mut found = Vec::new();
        for member in self.all() {
            if member.is_filled.load(Ordering::Acquire) {
                let cached = member.cache.state();
                let readable = cached.iter().filter_map(|guarded| guarded.0.as_ref().ok());
                found.extend(neighbours(readable, resource));
                continue;
            }
            found.extend(neighbours(member.early().await?.iter(), resource));
        }
        Ok(sorted(found))
    }

    /// The same as the API server has them now, and all that cannot be read: for what cannot be undone, no cache is asked.
    ///
    /// # Errors
    /// The Kubernetes API does not answer or refuses us, be it in one namespace.
    pub(crate) async fn listed(
        &self,
        resource: &KafkaSink,
    ) -> Result<(Vec<Neighbour>, Vec<Unreadable>), KubernetesError> {
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        for member in self.all() {
            let (readable, others) = list(&member.sinks).await?;
            found.extend(neighbours(readable.iter(), resource));
            unreadable.extend(others);
        }
        Ok((sorted(found), unreadable))
    }

    fn all(&self) -> Vec<Arc<Member>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns those that can be read, and those that cannot.
async fn list(sinks: &Api<DynamicObject>) -> Result<(Vec<KafkaSink>, Vec<Unreadable>), KubernetesError> {
    let listed = call("list KafkaSinks", sinks.list(&ListParams::default())).await?;
    let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
    for object in listed {
        match read(&object) {
            Ok(resource) => readable.push(resource),
            Err(_) => unreadable.push(Unreadable {
                label: format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()),
                content: object.data,
            }),
        }
    }
    Ok((readable, unreadable))
}

fn read(object: &DynamicObject) -> serde_json::Result<KafkaSink> {
    serde_json::from_value(serde_json::to_value(object)?)
}

fn neighbours<'a>(all: impl Iterator<Item = &'a KafkaSink>, resource: &KafkaSink) -> Vec<Neighbour> {
    let claims = Claims::of(&resource.spec);
    let is_other = |other: &&KafkaSink| {
        (other.namespace(), other.name_any()) != (resource.namespace(), resource.name_any())
    };
    let others = all.filter(is_other);
    let neighbour =
        |other: &KafkaSink| Neighbour { older: by_age(other, resource).is_lt(), resource: other.clone() };
    others.filter(|other| claims.concern(&other.spec)).map(neighbour).collect()
}

fn sorted(mut found: Vec<Neighbour>) -> Vec<Neighbour> {
    found.sort_by(|one, other| by_age(&one.resource, &other.resource));
    found
}

/// Returns the resources that must be looked at again because another one changed: those that name what it named or names.
fn concerned_by(change: &Change, resources: &[Arc<Guarded>]) -> Vec<ObjectRef<Guarded>> {
    let claims: Vec<_> = change.specs.iter().map(|spec| Claims::of(spec)).collect();
    let is_concerned = |guarded: &&Arc<Guarded>| {
        let is_other = guarded.name_any() != change.name || guarded.namespace() != change.namespace;
        let spec = guarded.0.as_ref().map(|other| &other.spec);
        is_other && spec.is_ok_and(|spec| claims.iter().any(|claims| claims.concern(spec)))
    };
    resources.iter().filter(is_concerned).map(|guarded| ObjectRef::from_obj(&**guarded)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafkasink_crds::resource::KafkaSink;
    use kafkasink_crds::topic_name::TopicName;
    use kube::core::DeserializeGuard;

    use super::{Change, Guarded, concerned_by};

    fn sink(name: &str, topic: &str) -> KafkaSink {
        let text = include_str!("../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        sink.metadata.name = Some(name.to_owned());
        sink.metadata.namespace = Some(format!("home-of-{name}"));
        sink.spec.topics[0].name = TopicName::parse(topic).unwrap();
        sink.spec.reduct_store.bucket.name = name.parse().unwrap();
        sink
    }

    #[test]
    fn concerns_those_that_name_what_it_named_or_names() {
        let guarded = |sink: KafkaSink| Arc::new(DeserializeGuard(Ok(sink)));
        let all: Vec<Arc<Guarded>> =
            [sink("a", "x"), sink("b", "x"), sink("c", "y"), sink("d", "z")].map(guarded).into();
        let check = |specs: &[&str], expected: &[&str]| {
            let specs = specs.iter().map(|topic| Arc::new(sink("a", topic).spec)).collect();
            let change = Change { namespace: Some("home-of-a".to_owned()), name: "a".to_owned(), specs };
            let names = concerned_by(&change, &all).into_iter().map(|resource| resource.name);
            assert_eq!(names.collect::<Vec<_>>(), expected);
        };
        check(&["x"], &["b"]);
        check(&["x", "y"], &["b", "c"]);
        check(&["w"], &[]);
    }
}
