//! Names on the machine that tell one lab's things from another's. Pure.

use std::os::unix::ffi::OsStrExt as _;

use sha2::{Digest as _, Sha256};

use crate::lab::Paths;

/// Returns the name of the machine's end of the link to the node; the kernel allows 15 bytes.
pub(super) fn link(paths: &Paths) -> String {
    format!("ksink-{}", id(paths))
}

/// Returns the name of the cgroup above all pods.
pub(super) fn cgroup(paths: &Paths) -> String {
    format!("kafkasink-lab-{}", id(paths))
}

/// A lab is its run folder, and finds what a killed run of the same folder has left.
fn id(paths: &Paths) -> String {
    let hash = Sha256::digest(paths.run.as_os_str().as_bytes());
    let id = hash.iter().take(4).fold(0, |id: u32, byte| id << 8 | u32::from(*byte));
    format!("{id:08x}")
}

#[cfg(test)]
mod tests {
    use super::{cgroup, link};
    use crate::lab::Paths;

    #[test]
    fn labs_of_two_run_folders_share_no_name() {
        let paths = |run: &str| Paths { cache: "/cache".into(), run: run.into() };
        let (one, other) = (paths("/cache/run"), paths("/tmp/run"));
        assert_ne!(link(&one), link(&other));
        assert_ne!(cgroup(&one), cgroup(&other));
        assert!(link(&one).len() <= 15);
    }
}
