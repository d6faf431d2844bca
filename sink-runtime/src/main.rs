//! The program: arguments, configuration, exit code. IO: everything.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use kafkasink_crds::runtime_config::RuntimeConfig;
use kafkasink_runtime::app::{self, AppError};
use kafkasink_runtime::args::Args;
use kafkasink_runtime::pipeline::PipelineError;
use kafkasink_runtime::source::SourceError;
use kafkasink_runtime::{config, telemetry};

/// Rust, librdkafka and OpenSSL get their memory from one allocator, which gives it back: see `memory::allocator`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// It failed for good.
const FAILED: u8 = 1;

/// The arguments or the configuration are wrong.
const MISCONFIGURED: u8 = 2;

/// It stopped before everything under way was finished; what was not is read again.
const UNDRAINED: u8 = 3;

fn main() -> ExitCode {
    let args = Args::parse();
    let config = match config::load(&args.config) {
        Ok(config) => config,
        Err(error) => return refuse(&error.into(), MISCONFIGURED),
    };
    if args.check {
        return ExitCode::SUCCESS;
    }
    match run(args, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = exit_code(&error);
            refuse(&error, code)
        }
    }
}

fn run(args: Args, config: RuntimeConfig) -> anyhow::Result<()> {
    let log_level = telemetry::start(config.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(app::run(args, config, log_level));
    // What is still under way past the deadline must not keep the process.
    runtime.shutdown_background();
    Ok(outcome?)
}

fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<AppError>() {
        Some(
            AppError::Late(_)
            | AppError::Pipeline(
                PipelineError::NotDrained { .. } | PipelineError::Close(SourceError::NotCommitted { .. }),
            ),
        ) => UNDRAINED,
        Some(
            AppError::Identity(_)
            | AppError::Mapper(_)
            | AppError::Writer(_)
            | AppError::Survey(_)
            | AppError::Memory(_)
            | AppError::Source(_)
            | AppError::Credentials(_)
            | AppError::DeadLetters(_)
            | AppError::Admin(_),
        ) => MISCONFIGURED,
        Some(AppError::Limit(_) | AppError::Signals(_) | AppError::Pipeline(_)) | None => FAILED,
    }
}

/// Says in one line on standard error what is wrong.
fn refuse(error: &anyhow::Error, code: u8) -> ExitCode {
    let line = format!("kafkasink-runtime: {error:#}").replace('\n', " ");
    // Where even standard error is gone, the exit code has to do.
    drop(writeln!(std::io::stderr(), "{line}"));
    ExitCode::from(code)
}
