//! Measures the chosen cases one after another, shows what was found and writes the results. IO: everything.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use kafkasink_crds::resource::{BatchSpec, BucketSpec};

use super::bucket::Bucket;
use super::case::{Case, Contender, PARTITIONS};
use super::findings::Findings;
use super::floors::judge;
use super::growth::tenths;
use super::latency;
use super::options::Options;
use super::python::Libraries;
use super::row::{Row, series};
use super::samples;
use super::stage::Stage;
use super::table;
use super::throughput::{Crowd, Turn, sample};
use super::topic::Topic;
use crate::lab::{Progress, versions};

/// Measures, shows, writes; returns whether no floor was missed.
///
/// # Errors
/// A contender fails, or the store does not hold what it should.
pub async fn run(stage: &Stage, options: &Options) -> anyhow::Result<bool> {
    let mut suite = Suite { stage, options, libraries: None, findings: Findings::default() };
    let progress = Progress::start(suite.steps());
    for case in options.cases() {
        suite.measure(case, &progress).await.with_context(|| format!("measure {}", case.name()))?;
    }
    let rows: Vec<Row> =
        series(&suite.findings.runs).iter().map(|series| series.median.row.clone()).collect();
    write(&options.results, &rows)?;
    show(&suite.findings, options)
}

struct Suite<'a> {
    stage: &'a Stage,
    options: &'a Options,
    libraries: Option<Libraries>,
    findings: Findings,
}

impl Suite<'_> {
    async fn measure(&mut self, case: Case, progress: &Progress) -> anyhow::Result<()> {
        match case {
            Case::OneKb | Case::TenKb | Case::HundredKb | Case::NineHundredKb => {
                self.turns(case, progress).await
            }
            Case::EightSinks => self.crowd(progress).await,
            Case::Latency => self.latency(progress).await,
            Case::Growth => self.growth(progress).await,
        }
    }

    /// Lets the contenders take turns at one topic.
    async fn turns(&mut self, case: Case, progress: &Progress) -> anyhow::Result<()> {
        let contenders = self.options.contenders();
        if self.libraries.is_none() && contenders.iter().any(|contender| contender.is_for_scale()) {
            self.libraries = Some(Libraries::install(&self.stage.paths).await?);
        }
        let topic = self.filled(case, progress).await?;
        for round in 1..=self.rounds() {
            for contender in contenders.iter().copied().filter(|one| round <= self.options.rounds(*one)) {
                let rounds = self.options.rounds(contender);
                let step =
                    progress.step(&format!("{}: {}, {round} of {rounds}", case.name(), contender.name()));
                let turn = Turn {
                    stage: self.stage,
                    libraries: self.libraries.as_ref(),
                    topic: &topic,
                    case,
                    contender,
                    load: self.options.load_of(case, contender),
                };
                self.findings.runs.push(turn.run().await?);
                step.done();
            }
        }
        topic.delete().await
    }

    async fn crowd(&mut self, progress: &Progress) -> anyhow::Result<()> {
        let load = self.options.load(Case::EightSinks);
        let fills = progress.step("8-sinks: fills their topics");
        let crowd = Crowd::gather(self.stage, load).await?;
        fills.done();
        let rounds = self.options.rounds(Contender::Kafkasink);
        for round in 1..=rounds {
            let step = progress.step(&format!("8-sinks: {round} of {rounds}"));
            self.findings.runs.push(crowd.run(self.stage, load).await?);
            step.done();
        }
        crowd.delete().await
    }

    async fn latency(&mut self, progress: &Progress) -> anyhow::Result<()> {
        let step = progress.step("latency: 500 messages a second");
        let (run, latency) = latency::measure(self.stage, self.options.load(Case::Latency)).await?;
        step.done();
        self.findings.runs.push(run);
        self.findings.latency = Some(latency);
        Ok(())
    }

    async fn growth(&mut self, progress: &Progress) -> anyhow::Result<()> {
        let load = self.options.load(Case::Growth);
        let topic = self.filled(Case::Growth, progress).await?;
        let step = progress.step("growth: stores them (some minutes)");
        let bucket = Bucket::create(self.stage).await?;
        let samples = sample(self.stage, &[&topic], &bucket, load).await?;
        bucket.expect_records(load.messages).await?;
        bucket.remove(self.stage).await?;
        topic.delete().await?;
        step.done();
        #[expect(clippy::cast_precision_loss, reason = "there are far fewer messages than 2⁵²")]
        let tenths = tenths(&samples, load.messages as f64).context("cut the run into tenths")?;
        self.findings
            .runs
            .push(samples::run(&samples, Case::Growth, load).context("find the end of the run")?);
        self.findings.growth = tenths;
        Ok(())
    }

    async fn filled(&self, case: Case, progress: &Progress) -> anyhow::Result<Topic> {
        let load = self.options.load(case);
        let step = progress.step(&format!("{}: fills a topic with {} messages", case.name(), load.messages));
        let topic = Topic::filled(&self.stage.bootstrap, load).await?;
        step.done();
        Ok(topic)
    }

    fn rounds(&self) -> u32 {
        self.options
            .contenders()
            .into_iter()
            .map(|contender| self.options.rounds(contender))
            .max()
            .unwrap_or(0)
    }

    /// Returns how many steps all cases show.
    fn steps(&self) -> usize {
        let rounds = |contender| self.options.rounds(contender) as usize;
        let turns = || self.options.contenders().into_iter().map(rounds).sum::<usize>();
        let of = |case: Case| match case {
            Case::OneKb | Case::TenKb | Case::HundredKb | Case::NineHundredKb => 1 + turns(),
            Case::EightSinks => 1 + rounds(Contender::Kafkasink),
            Case::Latency => 1,
            Case::Growth => 2,
        };
        self.options.cases().into_iter().map(of).sum()
    }
}

fn show(findings: &Findings, options: &Options) -> anyhow::Result<bool> {
    let mut output = std::io::stdout();
    writeln!(output, "{}\n\n{}", setting(), table::measured(findings))?;
    if options.no_verdict {
        writeln!(output, "bench: measured without a verdict, {}", options.results.display())?;
        return Ok(true);
    }
    let judgement = judge(findings);
    writeln!(output, "{}\n{}", table::judged(&judgement.verdicts), judgement.in_one_line())?;
    Ok(judgement.holds())
}

/// What all figures depend on.
fn setting() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Kafka {}, ReductStore {} and each contender on {cores} cores, {PARTITIONS} partitions; 1 KB = 1,000 bytes; \
         blocks of {} records, batches of {}, as the operator sets by default",
        versions::KAFKA,
        versions::REDUCTSTORE,
        BucketSpec::MAX_BLOCK_RECORDS_DEFAULT,
        BatchSpec::MAX_RECORDS_DEFAULT,
    )
}

fn write(file: &Path, rows: &[Row]) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let json = serde_json::to_vec_pretty(rows)?;
    std::fs::write(file, json).with_context(|| format!("write {}", file.display()))
}
