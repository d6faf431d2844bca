//! The registry in the attachments of the real store, as its readers see it. IO: store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::lab::ensure;
use kafkasink_runtime::map::HeaderNames;
use kafkasink_runtime::record::{Entry, TimestampUs};
use kafkasink_runtime::reduct::{ReductWriter, StoreSettings};
use kafkasink_runtime::registry::{
    Admission, Claim, LastLife, LifeNumber, Owner, Registry, RegistryError, admit, gather_header_names,
    publish_header_names,
};
use kafkasink_runtime::writer::StoreError;
use reduct_rs::{Bucket, ReductClient};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;
use uuid::Uuid;

/// Some time, as a clock would tell it.
const NOON: TimestampUs = TimestampUs(1_795_262_400_000_000);

/// After that time the store gives up waiting for a lock: whoever writes for that long was locked up.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);

/// How often an attachment is replaced while others read it.
const WRITES: u64 = 40;

/// How many read it meanwhile.
const READERS: usize = 3;

/// How often each of them reads it.
const READS: usize = 80;

const FIRST_ID: &str = "-_-_______8BI0VniavN7w";
const SECOND_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

/// A bucket, and the registry in it.
struct World {
    registry: Arc<ReductWriter>,
    bucket: Bucket,
    _folder: TempDir,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let store = ensure::store().await?;
        let folder = TempDir::new()?;
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, &store.token)?;
        let client =
            ReductClient::builder().url(&store.url).api_token(&store.token).http1_only().try_build()?;
        let name = format!("registry-{}", Uuid::new_v4().simple());
        let bucket = client.create_bucket(&name).send().await?;
        let settings = StoreSettings {
            url: store.url,
            bucket: name,
            token_file: Some(token_file),
            retention: None,
            ca_file: None,
        };
        Ok(Self { registry: Arc::new(ReductWriter::new(settings)?), bucket, _folder: folder })
    }

    async fn admit(&self, home: &Entry, claim: &Claim, now: TimestampUs) -> Result<Admission, RegistryError> {
        admit(&*self.registry, home, claim, true, now).await
    }
}

fn claim(name: &str, topic_id: &str) -> Claim {
    let owner = Owner {
        namespace: "plant".to_owned(),
        name: name.to_owned(),
        uid: "6a1c2f0e-52ab-4d9f-8f4e-0c5e1b8a7d10".to_owned(),
        group_id: "plant.cameras".to_owned(),
        cluster_id: "K1".to_owned(),
        topic: "cameras".to_owned(),
    };
    let topic_id = topic_id.parse().ok();
    Claim { owner, topic_id, entry: "{topic}/{partition}".to_owned(), last_life: None }
}

fn admitted(life: u32, topic_id: &str) -> Admission {
    Admission::Admitted { life: LifeNumber(life), topic_id: topic_id.parse().ok() }
}

fn names(pairs: &[(&str, &str)]) -> HeaderNames {
    let mut names = HeaderNames::default();
    for (label, name) in pairs {
        names.learn(label, name);
    }
    names
}

#[tokio::test]
async fn readers_find_owner_id_life_and_names_in_the_attachment() -> anyhow::Result<()> {
    let (world, home) = (World::new().await?, Entry::new("cameras"));
    ensure!(world.registry.topic(&home).await?.is_none(), "a fresh bucket knows nothing");
    let admitted = world.admit(&home, &claim("cameras", FIRST_ID), NOON).await?;
    ensure!(admitted == self::admitted(1, FIRST_ID), "{admitted:?}");
    let partition = Entry::new("cameras/0");
    publish_header_names(&*world.registry, &partition, &names(&[("trace_id", "Trace \"ID\", ü")]), NOON)
        .await?;
    gather_header_names(&*world.registry, &home, &[partition, Entry::new("cameras/1")], NOON.later(1))
        .await?;
    let attachments = world.bucket.read_attachments("cameras").await?;
    let expected = json!({
        "v": 1,
        "namespace": "plant",
        "name": "cameras",
        "uid": "6a1c2f0e-52ab-4d9f-8f4e-0c5e1b8a7d10",
        "groupId": "plant.cameras",
        "clusterId": "K1",
        "topic": "cameras",
        "topicId": FIRST_ID,
        "life": 1,
        "entry": "{topic}/{partition}",
        "labels": {"trace_id": ["Trace \"ID\", ü"]},
    });
    ensure!(attachments.get("kafkasink") == Some(&expected), "{attachments:#?}");
    Ok(())
}

#[tokio::test]
async fn next_life_replaces_the_one_before_whatever_the_clock_says() -> anyhow::Result<()> {
    let (world, home) = (World::new().await?, Entry::new("cameras"));
    world.admit(&home, &claim("cameras", FIRST_ID), NOON).await?;
    let admitted = world.admit(&home, &claim("cameras", SECOND_ID), NOON.earlier(1_000_000)).await?;
    ensure!(admitted == self::admitted(2, SECOND_ID), "{admitted:?}");
    let record = world.registry.topic(&home).await?.context("find the claim")?;
    ensure!(record.topic_id == SECOND_ID.parse().ok(), "{record:?}");
    ensure!(record.earlier_topic_ids == [FIRST_ID.parse()?], "{record:?}");
    let lags_behind = world.admit(&home, &claim("cameras", FIRST_ID), NOON).await?;
    ensure!(lags_behind == Admission::Waiting, "{lags_behind:?}");
    Ok(())
}

#[tokio::test]
async fn foreign_sink_is_refused_by_what_the_store_holds() -> anyhow::Result<()> {
    let (world, home) = (World::new().await?, Entry::new("cameras"));
    let first = claim("cameras", FIRST_ID);
    world.admit(&home, &first, NOON).await?;
    let mut stranger = claim("doors", FIRST_ID);
    stranger.owner.uid = Uuid::new_v4().to_string();
    let refused = world.admit(&home, &stranger, NOON.later(1)).await?;
    ensure!(refused == Admission::Refused { owner: Box::new(first.owner) }, "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn attachments_of_others_stay_and_do_not_disturb() -> anyhow::Result<()> {
    let (world, home) = (World::new().await?, Entry::new("0"));
    let schema = HashMap::from([("schema".to_owned(), json!({"fields": 3}))]);
    world.bucket.write_attachments("0", schema).await?;
    let no_json = world.bucket.write_record("0/$meta").timestamp_us(5).add_label("key", "notes");
    no_json.data("no json").send().await?;
    // Topic and partition 0 share a home where the template names nothing but the partition.
    world.admit(&home, &claim("cameras", FIRST_ID), NOON).await?;
    publish_header_names(&*world.registry, &home, &names(&[("a", "A")]), NOON.later(1)).await?;
    gather_header_names(&*world.registry, &home, std::slice::from_ref(&home), NOON.later(2)).await?;
    let record = world.registry.topic(&home).await?.context("find the claim")?;
    ensure!(record.header_names == names(&[("a", "A")]), "{record:?}");
    let notes = world.bucket.read_record("0/$meta").timestamp_us(5).send().await?;
    ensure!(notes.bytes().await? == "no json", "an attachment of somebody else was changed");
    let entries = world.bucket.entries().await?;
    ensure!(entries.iter().all(|entry| !entry.name.contains("$meta")), "{entries:?}");
    Ok(())
}

#[tokio::test]
async fn attachment_that_no_sink_wrote_is_an_error_and_stays() -> anyhow::Result<()> {
    let (world, home) = (World::new().await?, Entry::new("cameras"));
    let note = HashMap::from([("kafkasink".to_owned(), json!({"by": "hand"}))]);
    world.bucket.write_attachments("cameras", note.clone()).await?;
    let answer = world.admit(&home, &claim("cameras", FIRST_ID), NOON).await;
    ensure!(matches!(answer, Err(RegistryError::Unreadable { .. })), "{answer:?}");
    ensure!(world.bucket.read_attachments("cameras").await? == note, "it was overwritten");
    Ok(())
}

#[tokio::test]
async fn claim_that_was_lost_is_restored_with_its_life() -> anyhow::Result<()> {
    let (world, home) = (World::new().await?, Entry::new("cameras"));
    let last_life = Some(LastLife { life: Some(LifeNumber(3)), topic_id: FIRST_ID.parse()? });
    let claim = Claim { last_life, ..claim("cameras", FIRST_ID) };
    let admitted = world.admit(&home, &claim, NOON).await?;
    ensure!(admitted == self::admitted(3, FIRST_ID), "{admitted:?}");
    world.bucket.remove_attachments("cameras", None).await?;
    ensure!(world.registry.topic(&home).await?.is_none(), "a removed attachment is shown");
    let again = world.admit(&home, &claim, NOON.later(1)).await?;
    ensure!(again == admitted, "{again:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_never_lock_the_one_writer_up() -> anyhow::Result<()> {
    let (world, home) = (World::new().await?, Entry::new("cameras"));
    world.admit(&home, &claim("cameras", FIRST_ID), NOON).await?;
    let read = || tokio::spawn(read_often(Arc::clone(&world.registry), home.clone()));
    let readers: Vec<_> = (0..READERS).map(|_| read()).collect();
    let (registry, homes) = (&*world.registry, [Entry::new("cameras/0")]);
    let writing = async {
        for number in 1..=WRITES {
            let odd = format!("Header {number}");
            publish_header_names(registry, &homes[0], &names(&[("header", &odd)]), NOON.later(number))
                .await?;
            gather_header_names(registry, &home, &homes, NOON.later(number)).await?;
        }
        Ok::<_, RegistryError>(())
    };
    timeout(LOCK_TIMEOUT, writing).await.context("write while others read")??;
    for reader in readers {
        reader.await?.map_err(anyhow::Error::msg)?;
    }
    let record = world.registry.topic(&home).await?.context("find the claim")?;
    ensure!(record.header_names.of_label("header").count() == usize::try_from(WRITES)?, "{record:?}");
    Ok(())
}

/// Reads again and again. The store breaks an answer off, or fails it, when what it sends is replaced meanwhile; it must
/// not say that a lock was not to be had, and some answers must come.
async fn read_often(registry: Arc<ReductWriter>, home: Entry) -> Result<(), String> {
    let mut answers = 0;
    for _ in 0..READS {
        match registry.topic(&home).await {
            Ok(_) => answers += 1,
            Err(RegistryError::Read { source: StoreError::Unclear(_), .. }) => {}
            Err(RegistryError::Read { source: StoreError::Failed { message, .. }, .. })
                if !message.contains("lock") => {}
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    if answers > 0 { Ok(()) } else { Err("not one answer".to_owned()) }
}
