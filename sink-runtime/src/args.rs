//! Pure. The command line of the program.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// What the codes mean that the program ends with.
const EXIT_CODES: &str = "\
Exit codes:
  0    stopped as told (SIGTERM or SIGINT), everything under way was finished
  1    failed for good; a restart may help
  2    wrong arguments or configuration, or too little memory for the topics; a restart does not help
  3    stopped as told before everything under way was finished; nothing is lost, it is read again
  134  ended by a second signal (SIGABRT); nothing is lost, it is read again";

/// One member of a sink: reads the topics of its consumer group and writes them into a bucket.
#[derive(Clone, Debug, Parser)]
#[command(name = "kafkasink-runtime", version, after_help = EXIT_CODES)]
pub struct Args {
    /// File with the configuration (YAML, the operator's `RuntimeConfig`).
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Only check the configuration.
    #[arg(long)]
    pub check: bool,

    /// Name of this member, the same after every restart and unlike that of any other: a number at its end is its
    /// ordinal. Without it, a random one is kept in a file beside the configuration.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub instance_id: Option<String>,

    /// What tells this process' writes from those of a predecessor of the same name. Without it, the member's name.
    #[arg(long, env = "POD_UID", value_name = "UID")]
    pub instance_uid: Option<String>,

    /// File with the number of members, kept current from outside. A member whose ordinal is not below it leaves the
    /// group for good when it stops; without the file it keeps its partitions for its return.
    #[arg(long, env = "KAFKASINK_MEMBERS_FILE", value_name = "FILE")]
    pub members_file: Option<PathBuf>,

    /// Where `/livez`, `/readyz` and `/metrics` are served.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub admin_address: SocketAddr,
}
