//! Follows the configuration's file, so that the log level changes without a restart. IO: files.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use kafkasink_crds::runtime_config::RuntimeConfig;
use tokio::time::interval;
use tracing::{info, warn};

use crate::config::reload;
use crate::telemetry::LogLevelHandle;
use crate::told::Told;

/// How often the file is read. Kubernetes replaces it by a link, which no change notice would show.
const EVERY: Duration = Duration::from_secs(5);

/// Follows one file.
pub struct ConfigWatch {
    /// The file.
    pub file: PathBuf,
    /// What it held when it was last read.
    pub config: RuntimeConfig,
    /// Takes the level of the log.
    pub log_level: LogLevelHandle,
}

impl ConfigWatch {
    /// Follows the file for ever.
    pub async fn run(mut self) {
        let mut ticks = interval(EVERY);
        let mut told = Told::default();
        loop {
            ticks.tick().await;
            self.read(&mut told);
        }
    }

    fn read(&mut self, told: &mut Told) {
        let config = match reload(&self.file) {
            Ok(config) => config,
            Err(error) => {
                if let Some(attempts) = told.fail() {
                    let error = &error as &dyn Error;
                    warn!(
                        error,
                        attempts, "the configuration cannot be read again, the last one stays in force"
                    );
                }
                return;
            }
        };
        told.succeed();
        if config == self.config {
            return;
        }
        let is_level_alone = config == RuntimeConfig { log_level: config.log_level, ..self.config.clone() };
        self.log_level.set(config.log_level);
        if is_level_alone {
            info!(level = ?config.log_level, "the log level has changed");
        } else {
            warn!("the configuration has changed beyond the log level, which takes a restart");
        }
        self.config = config;
    }
}
