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
        /// The group has not taken the commit of where it begins.
        Unconfirmed = "unconfirmed",
    }
}
