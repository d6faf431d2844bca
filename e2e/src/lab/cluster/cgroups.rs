//! The cgroup above all pods of the lab. IO: the cgroup file systems.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::Instant;

/// What the kubelet needs where there is one hierarchy for all (version 2).
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];
/// The file of a cgroup that says which controllers its children have.
const SUBTREE_CONTROL: &str = "cgroup.subtree_control";
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A mounted hierarchy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hierarchy {
    pub(super) mount_point: PathBuf,
    pub(super) unified: bool,
}

/// Creates a cgroup of this name in every hierarchy. Controllers that must be switched on for that are named in `record`
/// before, so that [`remove`] can switch them off again.
///
/// # Errors
/// There is no hierarchy, it is read-only, or a controller that the kubelet needs cannot be had.
pub(super) fn create(name: &str, record: &Path) -> anyhow::Result<()> {
    let hierarchies = hierarchies()?;
    ensure!(!hierarchies.is_empty(), "no cgroup file system is mounted: mount one on /sys/fs/cgroup");
    let unified_only = hierarchies.iter().all(|hierarchy| hierarchy.unified);
    for hierarchy in &hierarchies {
        if unified_only {
            enable_controllers(&hierarchy.mount_point, record)?;
        }
        let cgroup = hierarchy.mount_point.join(name);
        std::fs::create_dir_all(&cgroup).with_context(|| {
            format!("create {}: containers need a writable cgroup file system", cgroup.display())
        })?;
    }
    Ok(())
}

/// Removes the cgroup of this name from every hierarchy; waits for processes that are about to end.
///
/// # Errors
/// A process is still in it after `timeout`.
pub(super) async fn remove(name: &str, record: &Path, timeout: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + timeout;
    let enabled = std::fs::read_to_string(record).unwrap_or_default();
    for hierarchy in hierarchies()? {
        let cgroup = hierarchy.mount_point.join(name);
        while let Err(cause) = remove_tree(&cgroup) {
            if Instant::now() >= deadline {
                return Err(cause).with_context(|| format!("remove cgroup {}", cgroup.display()));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        for controller in enabled.lines() {
            // Refused where others use it by now: then it is theirs to switch off.
            drop(std::fs::write(hierarchy.mount_point.join(SUBTREE_CONTROL), format!("-{controller}")));
        }
    }
    Ok(())
}

/// Returns every mounted hierarchy.
///
/// # Errors
/// The mount table cannot be read.
pub(super) fn hierarchies() -> anyhow::Result<Vec<Hierarchy>> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").context("read the mount table")?;
    Ok(mounts.lines().filter_map(parse).collect())
}

/// Reads mount point (field 5) and file system type (first after the dash) of a line of the mount table.
fn parse(line: &str) -> Option<Hierarchy> {
    let (mount, file_system) = line.split_once(" - ")?;
    let unified = match file_system.split(' ').next()? {
        "cgroup2" => true,
        "cgroup" => false,
        _ => return None,
    };
    Some(Hierarchy { mount_point: mount.split(' ').nth(4)?.into(), unified })
}

fn enable_controllers(root: &Path, record: &Path) -> anyhow::Result<()> {
    let file = root.join(SUBTREE_CONTROL);
    let enabled = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let is_enabled = |controller: &str| enabled.split_ascii_whitespace().any(|name| name == controller);
    let wanted: Vec<&str> = CONTROLLERS.into_iter().filter(|controller| !is_enabled(controller)).collect();
    std::fs::write(record, wanted.join("\n")).with_context(|| format!("write {}", record.display()))?;
    for controller in wanted {
        let written = std::fs::write(&file, format!("+{controller}"));
        written.with_context(|| format!("enable the cgroup controller {controller} for containers"))?;
    }
    Ok(())
}

/// Removes a cgroup from the leaves up; one that is gone is as good as removed.
fn remove_tree(cgroup: &Path) -> std::io::Result<()> {
    let children = match std::fs::read_dir(cgroup) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        children => children?,
    };
    for child in children {
        let child = child?;
        if child.file_type()?.is_dir() {
            remove_tree(&child.path())?;
        }
    }
    std::fs::remove_dir(cgroup)
}

#[cfg(test)]
mod tests {
    use super::{Hierarchy, parse};

    #[test]
    fn only_cgroup_file_systems_are_hierarchies() {
        let check = |line: &str, expected: Option<(&str, bool)>| {
            let expected = expected.map(|(path, unified)| Hierarchy { mount_point: path.into(), unified });
            assert_eq!(parse(line), expected);
        };
        let mount = |file_system: &str| format!("35 31 0:32 / /sys/fs/cgroup rw,relatime - {file_system} rw");
        check(&mount("cgroup cgroup"), Some(("/sys/fs/cgroup", false)));
        check(&mount("cgroup2 cgroup2"), Some(("/sys/fs/cgroup", true)));
        check(&mount("tmpfs tmpfs"), None);
    }
}
