//! IO: none. `IdleCache`: one shared client per key, given up when nobody asked for it for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Longer than a healthy sink's pause between two looks.
const IDLE_MAX: Duration = Duration::from_mins(10);

/// Clients that keep threads and sockets, and are therefore shared.
pub(super) struct IdleCache<K, V> {
    clients: Mutex<HashMap<K, Shared<V>>>,
    /// Those in whose place others came, until nobody uses them any more.
    worn: Mutex<Vec<Arc<V>>>,
}

struct Shared<V> {
    client: Arc<V>,
    used: Instant,
}

impl<K, V> Default for IdleCache<K, V> {
    fn default() -> Self {
        Self { clients: Mutex::default(), worn: Mutex::default() }
    }
}

impl<K: Clone + Eq + Hash, V> IdleCache<K, V> {
    /// Returns the client of `key`, made on first use and in the place of one that is worn; those in whose place others came, as
    /// soon as nobody uses them; and those that nobody asked for during [`IDLE_MAX`]. Ending one may block, so the caller
    /// drops them where that does no harm.
    ///
    /// # Errors
    /// That of `create`.
    pub(super) fn get<E>(
        &self,
        key: &K,
        now: Instant,
        is_worn: impl FnOnce(&V) -> bool,
        create: impl FnOnce() -> Result<V, E>,
    ) -> Result<(Arc<V>, Vec<Arc<V>>), E> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match clients.get(key).filter(|shared| !is_worn(&shared.client)) {
            Some(shared) => Arc::clone(&shared.client),
            None => Arc::new(create()?),
        };
        let before = clients.insert(key.clone(), Shared { client: Arc::clone(&client), used: now });
        let mut ended = take_idle(&mut clients, now);
        let mut worn = self.worn.lock().unwrap_or_else(PoisonError::into_inner);
        worn.extend(before.map(|shared| shared.client).filter(|before| !Arc::ptr_eq(before, &client)));
        ended.extend(worn.extract_if(.., |unused| Arc::strong_count(unused) == 1));
        Ok((client, ended))
    }

    /// Returns the clients that nobody asked for during [`IDLE_MAX`], for the caller to drop.
    pub(super) fn sweep(&self, now: Instant) -> Vec<Arc<V>> {
        take_idle(&mut self.clients.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

fn take_idle<K: Eq + Hash, V>(clients: &mut HashMap<K, Shared<V>>, now: Instant) -> Vec<Arc<V>> {
    let idle = clients.extract_if(|_, shared| now.duration_since(shared.used) >= IDLE_MAX);
    idle.map(|(_, shared)| shared.client).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::{IDLE_MAX, IdleCache};

    fn get(cache: &IdleCache<&str, u8>, key: &'static str, now: Instant) -> (Arc<u8>, usize) {
        let (client, idle) = cache.get(&key, now, |_| false, || Ok::<_, Infallible>(0)).unwrap();
        (client, idle.len())
    }

    #[tokio::test]
    async fn shares_a_client_until_nobody_has_asked_for_it() {
        let (cache, start) = (IdleCache::default(), Instant::now());
        let (first, _) = get(&cache, "a", start);
        let (again, idle) = get(&cache, "a", start + IDLE_MAX / 2);
        assert!(Arc::ptr_eq(&first, &again) && idle == 0);
        assert_eq!(get(&cache, "b", start + IDLE_MAX).1, 0, "a was asked for meanwhile");
        assert_eq!(get(&cache, "b", start + IDLE_MAX * 2).1, 1, "a goes, b is in use");
        let (anew, _) = get(&cache, "a", start + IDLE_MAX * 2);
        assert!(!Arc::ptr_eq(&first, &anew));
        assert_eq!(cache.sweep(start + IDLE_MAX * 5 / 2).len(), 0, "both are in use");
        assert_eq!(cache.sweep(start + IDLE_MAX * 3).len(), 2, "nobody asks for any");
    }

    #[tokio::test]
    async fn makes_another_client_in_the_place_of_a_worn_one() {
        let (cache, now) = (IdleCache::<&str, u8>::default(), Instant::now());
        let get = |is_worn: bool| cache.get(&"a", now, |_| is_worn, || Ok::<_, Infallible>(0)).unwrap();
        let (first, _) = get(true);
        let (second, ended) = get(true);
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(ended.is_empty(), "somebody uses it");
        drop(first);
        let (again, left) = get(false);
        assert!(Arc::ptr_eq(&second, &again) && left.len() == 1);
    }
}
