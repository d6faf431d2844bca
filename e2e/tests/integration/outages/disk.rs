//! The store's disk is full: real `ENOSPC` on a small file system, and the store's answers to it. IO: mounts, store.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::faults::part::Part;
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::own::OwnRun;
use kafkasink_e2e::lab::store;
use kafkasink_e2e::trial::{Produce, Signal, Spec, World};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::outages::{PATIENCE, expect_stored_once};

/// Set where no file system can be mounted and the tests that need one shall be left out.
const LEAVE_OUT: &str = "KAFKASINK_TEST_NO_MOUNT";

const MIB: u64 = 1024 * 1024;

/// A small file system of memory that is gone with the value.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts it; none where the environment says that there shall be none.
    fn mount(at: PathBuf, bytes: u64) -> anyhow::Result<Option<Self>> {
        if std::env::var_os(LEAVE_OUT).is_some() {
            writeln!(std::io::stderr(), "left out because of {LEAVE_OUT}: what a full disk does")?;
            return Ok(None);
        }
        std::fs::create_dir_all(&at)?;
        let disk = Self { at };
        disk.mount_with(MsFlags::empty(), bytes).with_context(|| {
            format!("this test needs root, to mount a small file system; {LEAVE_OUT}=1 leaves it out")
        })?;
        Ok(Some(disk))
    }

    /// Makes it larger, as a volume is resized while it is in use.
    fn enlarge(&self, bytes: u64) -> anyhow::Result<()> {
        self.mount_with(MsFlags::MS_REMOUNT, bytes)
    }

    fn mount_with(&self, flags: MsFlags, bytes: u64) -> anyhow::Result<()> {
        let options = format!("size={bytes}");
        let mounted = mount(Some("kafkasink-test"), &self.at, Some("tmpfs"), flags, Some(options.as_str()));
        mounted.with_context(|| format!("mount {}", self.at.display()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The store may still be running: the file system goes when the last file on it is closed.
        if let Err(error) = umount2(&self.at, MntFlags::MNT_DETACH) {
            tracing::warn!(%error, at = %self.at.display(), "cannot unmount the small disk of a test");
        }
    }
}

/// Ten kilobytes, for one of the first two partitions.
fn bulky(number: u64) -> Produce {
    let message = Produce::value(number.to_be_bytes().repeat(1_250)).header("number", number.to_string());
    message.on(i32::from(!number.is_multiple_of(2)))
}

/// Nothing but a header, for the third partition.
fn empty(number: u64) -> Produce {
    Produce::value("").header("number", number.to_string()).on(2)
}

/// The store refuses what is larger than the room that is left (507). What is empty passes, finds no room for the store's
/// own notes of it, and is lost with the answer 200: only reading back shows that.
#[tokio::test(flavor = "multi_thread")]
async fn full_disk_under_the_store_costs_time_and_no_message() -> anyhow::Result<()> {
    let run = OwnRun::new()?;
    let Some(disk) = SmallDisk::mount(run.paths().run.join("data"), 16 * MIB)? else { return Ok(()) };
    let (_store, address) = Part::store(run.paths().clone()).await?;
    let world = World::on((lab::kafka().await?, address), None, "disk", 3).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    // All entries are there before the disk is full.
    let mut produced = world.topic.produce((0..3).map(bulky).chain([empty(3)])).await?;
    world.wait_until_stored(4, PATIENCE).await?;
    produced.extend(world.topic.produce((4..3_000).map(bulky)).await?);
    member.wait_for_line("the store has no room (507)", PATIENCE).await?;
    produced.extend(world.topic.produce((3_000..4_000).map(empty)).await?);
    member.wait_for_line("the store does not show what it took", PATIENCE).await?;
    let log = std::fs::read_to_string(run.paths().log_file(store::NAME))?;
    ensure!(log.contains("No space left on device"), "the disk was never full:\n{log}");
    let committed = world.topic.committed().await?;
    ensure!(committed < i64::try_from(produced.len())?, "everything is committed although the disk is full");
    ensure!(member.status("/livez").await? == 200, "a restart does not make room");

    disk.enlarge(128 * MIB)?;
    expect_stored_once(&world, &produced).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
