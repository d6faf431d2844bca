//! A cgroup with a memory limit, and how a child process gets into it. IO: the cgroup file systems.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use uuid::Uuid;

/// Where the kernel mounts the controller of version 1, and the whole of version 2.
const FIRST_VERSION: &str = "/sys/fs/cgroup/memory";
const SECOND_VERSION: &str = "/sys/fs/cgroup";

/// Set where no cgroup can be made and the tests that need one shall be left out.
const LEAVE_OUT: &str = "KAFKASINK_TEST_NO_CGROUP";

/// A cgroup that is removed when it is dropped.
pub(crate) struct Cgroup {
    folder: PathBuf,
    is_unified: bool,
}

impl Cgroup {
    /// Makes a cgroup with a limit; none where the environment says that there shall be none.
    pub(crate) fn limited(bytes: u64) -> anyhow::Result<Option<Self>> {
        if std::env::var_os(LEAVE_OUT).is_some() {
            writeln!(std::io::stderr(), "left out because of {LEAVE_OUT}: what a memory limit does")?;
            return Ok(None);
        }
        Self::create(bytes).map(Some).with_context(|| {
            format!("this test needs root and a writable cgroup file system; {LEAVE_OUT}=1 leaves it out")
        })
    }

    fn create(bytes: u64) -> anyhow::Result<Self> {
        let is_unified = Path::new(SECOND_VERSION).join("cgroup.controllers").exists();
        let root = Path::new(if is_unified { SECOND_VERSION } else { FIRST_VERSION });
        if is_unified {
            std::fs::write(root.join("cgroup.subtree_control"), "+memory")?;
        }
        let folder = root.join(format!("kafkasink-test-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
        let cgroup = Self { folder, is_unified };
        cgroup.write(if is_unified { "memory.max" } else { "memory.limit_in_bytes" }, bytes)?;
        Ok(cgroup)
    }

    /// Returns the file that takes the processes of the cgroup.
    pub(crate) fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Fails where a process was killed because the limit was reached.
    pub(crate) fn expect_no_kill(&self) -> anyhow::Result<()> {
        let file = if self.is_unified { "memory.events" } else { "memory.oom_control" };
        let text = self.read(file)?;
        let kills = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        ensure!(kills == Some("0"), "a process was killed for its memory: {text}");
        Ok(())
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let file = self.folder.join(file);
        std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
    }

    fn write(&self, file: &str, bytes: u64) -> anyhow::Result<()> {
        let file = self.folder.join(file);
        std::fs::write(&file, bytes.to_string()).with_context(|| format!("write {}", file.display()))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Its processes have ended by now: members end with their test, before it.
        drop(std::fs::remove_dir(&self.folder));
    }
}
