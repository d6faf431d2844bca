//! Pure. What the operator knows of a store.

use super::Token;

/// How a store is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreAccess {
    /// Base URL.
    pub(crate) url: String,
    /// The runtime's token.
    pub(crate) token: Option<Token>,
    /// Authorities besides those of the system, in PEM.
    pub(crate) authorities: Option<String>,
    /// The operator's token, which may create and change buckets; it never reaches a pod.
    pub(crate) admin_token: Option<Token>,
}

/// A store as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreView {
    /// The bucket's settings; `None` where there is no such bucket.
    pub(crate) bucket: Option<BucketView>,
    /// After how many seconds our lifecycle policy deletes records; `None` where there is no such policy.
    pub(crate) retention_seconds: Option<u64>,
    /// What the runtime's token may do; `None` without authentication.
    pub(crate) permissions: Option<TokenPermissions>,
    /// Whether the operator may create and change the bucket.
    pub(crate) managed: bool,
}

/// Settings of a bucket; absent: the store's default, or whatever it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BucketView {
    /// What happens when the bucket is full.
    pub(crate) quota: Option<QuotaKind>,
    /// When it is full.
    pub(crate) quota_bytes: Option<u64>,
    /// When a block ends.
    pub(crate) max_block_bytes: Option<u64>,
    /// When a block ends.
    pub(crate) max_block_records: Option<u64>,
}

/// What happens when a bucket is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuotaKind {
    /// It never is.
    None,
    /// The oldest records go.
    Fifo,
    /// Writes are refused.
    Hard,
}

/// What a token may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenPermissions {
    /// Everything.
    pub(crate) full_access: bool,
    /// Buckets it may read; a name may end with `*`.
    pub(crate) read: Vec<String>,
    /// Buckets it may write; a name may end with `*`.
    pub(crate) write: Vec<String>,
}

impl TokenPermissions {
    /// Returns what is missing for a sink that writes to the bucket and reads back.
    pub(crate) fn missing(&self, bucket: &str) -> Vec<&'static str> {
        let lacks = |buckets: &[String]| !self.full_access && !covers(buckets, bucket);
        [("read", lacks(&self.read)), ("write", lacks(&self.write))]
            .into_iter()
            .filter_map(|(permission, lacking)| lacking.then_some(permission))
            .collect()
    }
}

fn covers(buckets: &[String], bucket: &str) -> bool {
    buckets.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => bucket.starts_with(prefix),
        None => pattern == bucket,
    })
}

#[cfg(test)]
mod tests {
    use super::TokenPermissions;

    fn check(read: &[&str], write: &[&str], expected: &[&str]) {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let token = TokenPermissions { full_access: false, read: owned(read), write: owned(write) };
        assert_eq!(token.missing("plant"), expected, "{read:?} {write:?}");
    }

    #[test]
    fn names_the_permissions_that_a_token_lacks() {
        check(&["plant"], &["plant"], &[]);
        check(&["pl*"], &["*"], &[]);
        check(&["plants", "plan"], &["plant"], &["read"]);
        check(&[], &[], &["read", "write"]);
        let all = TokenPermissions { full_access: true, ..TokenPermissions::default() };
        assert_eq!(all.missing("plant"), Vec::<&str>::new());
    }
}
