//! Judges what was found on a machine against what a part needs. Pure.

use std::fmt;

/// Something that a part of the lab needs of its machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// Free space where the cache is.
    DiskGib(u64),
    /// To run as root; for what is said to need it.
    Root(&'static str),
    /// A processor that all parts are built for.
    Architecture,
    /// A Java runtime, 17 or newer.
    Java,
    /// The JDK's program that puts a Java runtime together; a machine with Java alone lacks it.
    Jlink,
    /// Maven.
    Maven,
    /// Go, at least `1.<minor>`; an older one from 1.21 on fetches the newer by itself.
    Go,
    /// A C compiler.
    CCompiler,
    /// Rust's cargo.
    Cargo,
    /// curl.
    Curl,
    /// Python 3.
    Python,
    /// Python's installer, as `python3 -m pip`.
    Pip,
}

/// What was found on the machine.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Free bytes where the cache is.
    pub disk_bytes_free: u64,
    /// Whether we run as root.
    pub root: bool,
    /// As in `std::env::consts::ARCH`.
    pub architecture: String,
    /// Feature version of Java (17, 21), if there is one.
    pub java: Option<u32>,
    /// Minor version of Go 1, if it is there.
    pub go: Option<u32>,
    /// Programs, of those asked for, that do not run.
    pub programs_absent: Vec<&'static str>,
}

/// Something that is missing, and what mends it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// The command, or what else to do.
    pub remedy: String,
    /// The Debian package that mends it, if one does.
    pub package: Option<&'static str>,
}

/// The oldest Java that runs Kafka 4.
const JAVA_MIN: u32 = 17;
/// The oldest Go 1 minor version that fetches a newer Go by itself when a module asks for it.
const GO_MIN: u32 = 21;
const GIB: u64 = 1 << 30;

/// Returns what is wrong with the machine, each thing once; the disk must hold all parts together.
#[must_use]
pub(super) fn problems(needs: &[Need], facts: &Facts) -> Vec<Problem> {
    let disk_gib = |need: &Need| if let Need::DiskGib(gib) = need { Some(*gib) } else { None };
    let together = Need::DiskGib(needs.iter().filter_map(disk_gib).sum());
    let others = needs.iter().copied().filter(|need| disk_gib(need).is_none());
    let mut problems: Vec<Problem> = Vec::new();
    for problem in std::iter::once(together).chain(others).filter_map(|need| need.problem(facts)) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

impl Need {
    /// Returns what is wrong with the machine as regards this need, if anything.
    #[must_use]
    fn problem(self, facts: &Facts) -> Option<Problem> {
        match self {
            Self::DiskGib(gib) => (facts.disk_bytes_free < gib * GIB).then(|| too_little_disk(gib, facts)),
            Self::Root(why) => (!facts.root).then(|| no_root(why)),
            Self::Architecture => wrong_architecture(&facts.architecture),
            Self::Java => old_java(facts.java),
            Self::Jlink => {
                facts.lack("jlink", "jlink, a part of the JDK, is missing", "default-jdk-headless")
            }
            Self::Maven => facts.lack("mvn", "Maven is missing", "maven"),
            Self::Go => old_go(facts.go),
            Self::CCompiler => facts.lack("cc", "a C compiler is missing", "build-essential"),
            Self::Cargo => facts.programs_absent.contains(&"cargo").then(|| {
                Problem::other(
                    "cargo is missing",
                    "install Rust with rustup, or open a shell that has it on PATH",
                )
            }),
            Self::Curl => facts.lack("curl", "curl is missing", "curl"),
            Self::Python => facts.lack("python3", "Python is missing", "python3"),
            Self::Pip => facts.lack("pip", "pip is missing", "python3-pip"),
        }
    }
}

impl Facts {
    /// Returns what is wrong if a program is absent that a package of Debian has.
    fn lack(&self, program: &str, what: &str, package: &'static str) -> Option<Problem> {
        self.programs_absent.contains(&program).then(|| Problem::package(what, package))
    }
}

impl Problem {
    fn package(what: impl Into<String>, package: &'static str) -> Self {
        Self { what: what.into(), remedy: format!("apt-get install -y {package}"), package: Some(package) }
    }

    fn other(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), package: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy)
    }
}

fn too_little_disk(needed_gib: u64, facts: &Facts) -> Problem {
    let free_tenths = facts.disk_bytes_free * 10 / GIB;
    Problem::other(
        format!("{needed_gib} GiB of disk are needed, {}.{} are free", free_tenths / 10, free_tenths % 10),
        "make room, or set KAFKASINK_LAB_CACHE to a folder on another disk",
    )
}

fn no_root(why: &str) -> Problem {
    // sudo looks programs up in folders of its own, where rustup and Go are not, and rustup looks into HOME.
    let remedy = r#"run the same command by `sudo env "PATH=$PATH" "HOME=$HOME" …`"#;
    Problem::other(format!("root is needed to {why}"), remedy)
}

fn wrong_architecture(found: &str) -> Option<Problem> {
    let known = matches!(found, "x86_64" | "aarch64");
    (!known).then(|| {
        Problem::other(format!("processor {found} is not supported"), "use a machine with x86_64 or aarch64")
    })
}

fn old_java(found: Option<u32>) -> Option<Problem> {
    let package = "default-jdk-headless";
    match found {
        None => Some(Problem::package("Java is missing", package)),
        Some(version) if version < JAVA_MIN => {
            Some(Problem::package(format!("Java {version} is too old, {JAVA_MIN} is needed"), package))
        }
        Some(_) => None,
    }
}

fn old_go(found: Option<u32>) -> Option<Problem> {
    let remedy = "install Go 1.21 or newer and put it on PATH (Debian 13: apt-get install -y golang-go); it fetches 1.26 by itself";
    match found {
        None => Some(Problem::other("Go is missing", remedy)),
        Some(minor) if minor < GO_MIN => Some(Problem::other(format!("Go 1.{minor} is too old"), remedy)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, GIB, Need, problems};

    fn good_machine() -> Facts {
        Facts {
            disk_bytes_free: 20 * GIB,
            root: true,
            architecture: "x86_64".to_owned(),
            java: Some(17),
            go: Some(24),
            programs_absent: Vec::new(),
        }
    }

    #[test]
    fn good_machine_lacks_nothing() {
        let needs = [
            Need::DiskGib(8),
            Need::Root("start containers"),
            Need::Architecture,
            Need::Java,
            Need::Jlink,
            Need::Maven,
            Need::Go,
            Need::CCompiler,
            Need::Cargo,
            Need::Curl,
            Need::Python,
            Need::Pip,
        ];
        assert_eq!(problems(&needs, &good_machine()), []);
    }

    #[test]
    fn parts_share_the_disk_and_their_lacks_are_told_once() {
        let machine = Facts { disk_bytes_free: 9 * GIB, go: None, ..good_machine() };
        let needs = [Need::DiskGib(4), Need::Go, Need::DiskGib(6), Need::Go];
        let told: Vec<String> =
            problems(&needs, &machine).iter().map(|problem| problem.what.clone()).collect();
        assert_eq!(told, ["10 GiB of disk are needed, 9.0 are free", "Go is missing"]);
    }

    #[test]
    fn each_lack_is_told_with_its_remedy() {
        let check = |need: Need, facts: Facts, expected: &str| {
            assert_eq!(need.problem(&facts).unwrap().to_string(), expected);
        };
        let good = good_machine;
        check(
            Need::DiskGib(8),
            Facts { disk_bytes_free: 3 * GIB + GIB / 2, ..good() },
            "8 GiB of disk are needed, 3.5 are free: make room, or set KAFKASINK_LAB_CACHE to a folder on another disk",
        );
        check(
            Need::Root("start containers"),
            Facts { root: false, ..good() },
            r#"root is needed to start containers: run the same command by `sudo env "PATH=$PATH" "HOME=$HOME" …`"#,
        );
        check(
            Need::Architecture,
            Facts { architecture: "riscv64".to_owned(), ..good() },
            "processor riscv64 is not supported: use a machine with x86_64 or aarch64",
        );
        let java = "apt-get install -y default-jdk-headless";
        check(Need::Java, Facts { java: None, ..good() }, &format!("Java is missing: {java}"));
        check(
            Need::Java,
            Facts { java: Some(11), ..good() },
            &format!("Java 11 is too old, 17 is needed: {java}"),
        );
        check(
            Need::Maven,
            Facts { programs_absent: vec!["mvn"], ..good() },
            "Maven is missing: apt-get install -y maven",
        );
        for (need, program, expected) in [
            (Need::Jlink, "jlink", format!("jlink, a part of the JDK, is missing: {java}")),
            (Need::Curl, "curl", "curl is missing: apt-get install -y curl".to_owned()),
            (Need::Python, "python3", "Python is missing: apt-get install -y python3".to_owned()),
            (Need::Pip, "pip", "pip is missing: apt-get install -y python3-pip".to_owned()),
        ] {
            check(need, Facts { programs_absent: vec![program], ..good() }, &expected);
        }
        let go = "install Go 1.21 or newer and put it on PATH (Debian 13: apt-get install -y golang-go); it fetches 1.26 by itself";
        check(Need::Go, Facts { go: None, ..good() }, &format!("Go is missing: {go}"));
        check(Need::Go, Facts { go: Some(19), ..good() }, &format!("Go 1.19 is too old: {go}"));
    }
}
