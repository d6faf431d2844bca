//! Pure. What the operator knows of a store.

use jiff::Timestamp;

use super::Token;

/// How a store is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreConnection {
    /// Base URL.
    pub(crate) url: String,
    /// The runtime's token.
    pub(crate) token: Option<Token>,
    /// Authorities besides those of the system, in PEM.
    pub(crate) authorities: Option<String>,
    /// The operator's token, which may create and change buckets; it never reaches a pod.
    pub(crate) admin_token: Option<Token>,
}

impl StoreConnection {
    /// Tells whether the store is asked by TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.url.starts_with("https:")
    }
}

/// A store as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoreView {
    /// The bucket's settings; `None` where there is no such bucket.
    pub(crate) bucket: Option<BucketView>,
    /// After how many seconds our lifecycle policy deletes records; `None` where there is no such policy.
    pub(crate) retention_seconds: Option<u64>,
    /// What the runtime's token may do; `None` without authentication.
    pub(crate) permissions: Option<TokenPermissions>,
    /// Whether the operator may create and change the bucket.
    pub(crate) managed: bool,
    /// Whether it may not although it has a token for that.
    pub(crate) is_admin_powerless: bool,
    /// Until when the runtime's token is valid, where it ends.
    pub(crate) token_end: Option<Timestamp>,
    /// Until when the operator's token is valid, where it ends.
    pub(crate) admin_token_end: Option<Timestamp>,
    /// Until when the store's certificate is valid, where it shows one.
    pub(crate) certificate_end: Option<Timestamp>,
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
    /// How much there is in it; never set.
    pub(crate) held_bytes: Option<u64>,
}

impl BucketView {
    /// Returns a quota that ends all writes, and how much of it is left; `None` where nothing ends them.
    pub(crate) fn quota_left(&self) -> Option<(u64, u64)> {
        let quota = self.quota_bytes.filter(|_| self.quota == Some(QuotaKind::Hard))?;
        Some((quota, quota.saturating_sub(self.held_bytes?)))
    }

    /// Returns the share of a quota that ends all writes which is used up; `None` where nothing ends them.
    pub(crate) fn quota_used(&self) -> Option<f64> {
        let quota = self.quota_bytes.filter(|bytes| *bytes > 0 && self.quota == Some(QuotaKind::Hard))?;
        let parts_per_million = u128::from(self.held_bytes?) * 1_000_000 / u128::from(quota);
        Some(f64::from(u32::try_from(parts_per_million).unwrap_or(u32::MAX)) / 1_000_000.0)
    }
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
    /// Until when the token is valid, where it ends.
    pub(crate) end: Option<Timestamp>,
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
        let token =
            TokenPermissions { read: owned(read), write: owned(write), ..TokenPermissions::default() };
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
