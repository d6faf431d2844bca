//! Pure. Which files hold the memory limits of this process, by what the kernel tells about its cgroups.

use std::path::{Path, PathBuf};

/// A limit above this is none: version 1 writes the largest number of pages there is.
const UNLIMITED: u64 = 1 << 60;

/// Returns the files with the limits that hold for a process, from its own cgroup up to the root that it can see.
///
/// `cgroups` is `/proc/self/cgroup`, `mounts` is `/proc/self/mountinfo`. Both versions may be mounted at once.
pub(super) fn limit_files(cgroups: &str, mounts: &str) -> Vec<PathBuf> {
    let hierarchies = mounts.lines().filter_map(Hierarchy::parse);
    let files = hierarchies.filter_map(|hierarchy| {
        let path = cgroups.lines().find_map(|line| hierarchy.path_in(line))?;
        Some(hierarchy.limit_files(path))
    });
    files.flatten().collect()
}

/// Returns the limit that such a file holds; none where it holds no limit.
pub(super) fn parse_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < UNLIMITED)
}

/// A mounted hierarchy that limits memory.
struct Hierarchy<'a> {
    /// The cgroup that is seen at the mount point.
    root: &'a str,
    mount_point: &'a str,
    is_unified: bool,
}

impl<'a> Hierarchy<'a> {
    /// Reads a line of the mount table: root and mount point are its fields 4 and 5; after the dash come the type of
    /// the file system, its source, and its options, which name the controllers of version 1.
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, mount_point) = (mount.next()?, mount.next()?);
        let mut file_system = file_system.split(' ');
        let kind = file_system.next()?;
        let options = file_system.nth(1)?;
        let is_unified = kind == "cgroup2";
        let limits_memory = is_unified || (kind == "cgroup" && options.split(',').any(|o| o == "memory"));
        limits_memory.then_some(Self { root, mount_point, is_unified })
    }

    /// Reads a line `id:controllers:path`; returns the path if it is this hierarchy's.
    fn path_in<'b>(&self, line: &'b str) -> Option<&'b str> {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let is_ours = if self.is_unified {
            controllers.is_empty()
        } else {
            controllers.split(',').any(|controller| controller == "memory")
        };
        is_ours.then_some(path)
    }

    fn limit_files(&self, path: &str) -> Vec<PathBuf> {
        let name = if self.is_unified { "memory.max" } else { "memory.limit_in_bytes" };
        // In a container the mount may show the container's own cgroup as its root.
        let below = Path::new(path).strip_prefix(self.root).unwrap_or(Path::new(""));
        let below = below.strip_prefix("/").unwrap_or(below);
        below.ancestors().map(|folder| Path::new(self.mount_point).join(folder).join(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{limit_files, parse_limit};

    fn check(cgroups: &str, mounts: &str, expected: &[&str]) {
        let files: Vec<String> =
            limit_files(cgroups, mounts).iter().map(|file| file.display().to_string()).collect();
        assert_eq!(files, expected, "{cgroups}");
    }

    const UNIFIED: &str = "35 30 0:29 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";

    #[test]
    fn unified_hierarchy_is_walked_up_to_its_root() {
        check(
            "0::/kubepods/burstable/pod1/c1\n",
            UNIFIED,
            &[
                "/sys/fs/cgroup/kubepods/burstable/pod1/c1/memory.max",
                "/sys/fs/cgroup/kubepods/burstable/pod1/memory.max",
                "/sys/fs/cgroup/kubepods/burstable/memory.max",
                "/sys/fs/cgroup/kubepods/memory.max",
                "/sys/fs/cgroup/memory.max",
            ],
        );
    }

    #[test]
    fn container_with_a_namespace_of_its_own_sees_its_cgroup_at_the_mount_point() {
        check("0::/\n", UNIFIED, &["/sys/fs/cgroup/memory.max"]);
        check(
            "0::/../other\n",
            UNIFIED,
            &[
                "/sys/fs/cgroup/../other/memory.max",
                "/sys/fs/cgroup/../memory.max",
                "/sys/fs/cgroup/memory.max",
            ],
        );
    }

    #[test]
    fn first_version_is_found_by_its_controller_and_the_root_of_its_mount() {
        let mounts = "\
            40 33 0:30 /kubepods/c1 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
            41 33 0:31 /kubepods/c1 /sys/fs/cgroup/memory ro,nosuid master:10 - cgroup cgroup rw,memory\n";
        let cgroups = "5:cpu:/kubepods/c1\n4:hugetlb,memory:/kubepods/c1/inner\n";
        check(
            cgroups,
            mounts,
            &[
                "/sys/fs/cgroup/memory/inner/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ],
        );
    }

    #[test]
    fn both_versions_count_where_both_are_mounted() {
        let mounts = "\
            36 32 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            46 32 0:39 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
            47 32 0:40 / /proc rw - proc proc rw\n";
        check(
            "4:memory:/a\n0::/\n",
            mounts,
            &[
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/unified/memory.max",
            ],
        );
    }

    #[test]
    fn words_and_the_largest_number_of_pages_are_no_limit() {
        assert_eq!(parse_limit("268435456\n"), Some(268_435_456));
        assert_eq!(parse_limit("max\n"), None);
        assert_eq!(parse_limit("9223372036854771712\n"), None);
    }
}
