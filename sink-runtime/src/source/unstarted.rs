//! Pure. `Unstarted`: why a partition that the group has given to this member has not begun.

use crate::named::named;

named! {
    /// Why a partition has not begun.
    pub enum Unstarted {
        /// The brokers do not answer at all.
        Unresolved = "unresolved",
        /// The brokers do not know it, or do not agree on it: it is being created, or was deleted.
        Absent = "absent",
        /// No broker tells what is committed for it, or where it begins and ends.
        Untold = "untold",
        /// The registry must tell first what is known of its topic.
        Unregistered = "unregistered",
        /// Its offsets have expired: a person must set them.
        Expired = "expired",
        /// The sink read it in another group and this one has no offsets: a person must set them.
        NeedsStart = "needs_start",
        /// The group has not taken the commit of where it begins.
        Unconfirmed = "unconfirmed",
    }
}

impl Unstarted {
    /// Returns why a partition waits that was read in `reader` and of which `group_id` has no offset.
    #[must_use]
    pub fn without_offset(reader: &str, group_id: &str) -> Self {
        if reader == group_id { Self::Expired } else { Self::NeedsStart }
    }
}
