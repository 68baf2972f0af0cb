//! Holds the tree to its own rules: who may use whom, which file may name what, how long files and functions get, and
//! that the pages printed from tables in the code are fresh. Reads sources as text; runs nothing of the gateway.
//!
//! `UPDATE_DOCS=1 cargo test --test tidy` writes the printed pages anew.

#![expect(clippy::disallowed_methods, reason = "reads the source tree and one variable of its own")]
#![expect(clippy::unwrap_used, reason = "a source tree that cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Parts by floor, from the ground. A part uses the floors below it; up to [`STRANGERS`] the parts of one floor do not
/// know each other.
const FLOORS: &[&[&str]] = &[
    &[
        "acl",
        "attributes",
        "checksum",
        "clock",
        "config",
        "cors",
        "error",
        "headers",
        "level",
        "limits",
        "manifest",
        "metrics",
        "name",
        "object_lock",
        "quota",
        "secrets",
        "sharing",
        "storage_class",
        "tag",
        "trend",
    ],
    &["blob", "meta", "wire"],
    &["access", "auth", "faults"],
    &["app"],
    &["ops"],
    &["gateway"],
    &["admin", "capacity", "cli", "fsck", "jobs", "server"],
];
/// The highest floor whose parts are strangers to each other. The ground floor is one vocabulary.
const STRANGERS: usize = 4;

/// Lines of a file before its tests.
const FILE_LINES_MAX: usize = 600;
/// Lines of one function.
const FUNCTION_LINES_MAX: usize = 100;

/// Words of the metadata engine that an operation has no business with.
const ENGINE_WORDS: &[&str] = &[
    "Charge",
    "Commit",
    "CounterKey",
    "Engine",
    "Family",
    "MemoryEngine",
    "Revision",
    "RocksEngine",
    "Sealer",
    "Step",
    "Tier",
    "View",
    "Visit",
    "engine",
];

/// A library, and the one file of the gateway that may name it. Benches compare with the library itself.
const SINGLE_DOORS: &[(&str, &str)] = &[("rocksdb", "src/meta/rocks.rs"), ("quick_xml", "src/wire/xml.rs")];

/// A source file: its path from the root of the repository, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The part under `src` that the file belongs to; the crate's root and `main` belong to none.
    fn part(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        let part = rest.split_once('/').map_or_else(|| rest.trim_end_matches(".rs"), |(folder, _)| folder);
        (part != "lib" && part != "main").then_some(part)
    }

    /// Lines that are not comments, with their numbers. A text that spans lines may look like code; none does yet.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Lines before the tests at the end.
    fn lines_without_tests(&self) -> usize {
        let lines = self.text.lines();
        lines.take_while(|line| *line != "#[cfg(test)]").count()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files under `folder` with the ending `extension`, in order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        // A folder that is not there yet has no files.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let paths = folders.iter().flat_map(|folder| files(folder, "rs"));
    let sources: Vec<Source> = paths
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        })
        .collect();
    assert!(!sources.is_empty(), "no sources in {folders:?}");
    sources
}

fn all_sources() -> Vec<Source> {
    sources(&["src", "tests", "benches"])
}

/// Fails with every finding at once.
fn expect_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// The words that follow `lead` in `line`: for `crate::`, the parts it names.
fn words_after<'l>(line: &'l str, lead: &'l str) -> impl Iterator<Item = &'l str> {
    line.match_indices(lead).map(move |(at, _)| {
        let rest = &line[at + lead.len()..];
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
    })
}

fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn floor_of(part: &str) -> Option<usize> {
    FLOORS.iter().position(|parts| parts.contains(&part))
}

/// Whether `user` may name `used`.
fn may_use(user: &str, used: &str) -> bool {
    match (floor_of(user), floor_of(used)) {
        _ if user == used => true,
        (Some(above), Some(below)) if above == below => above == 0 || above > STRANGERS,
        (Some(above), Some(below)) => above > below,
        _ => false,
    }
}

#[test]
fn parts_use_the_floors_below_them() {
    let mut findings = Vec::new();
    for source in sources(&["src"]) {
        let Some(user) = source.part() else { continue };
        for (line_number, line) in source.code() {
            for used in words_after(line, "crate::") {
                // The crate's own name in an example ends in the same letters.
                if !line.contains("obs_gateway::") && !may_use(user, used) {
                    findings.push(format!("{}:{line_number}: {user} may not use {used}", source.path));
                }
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn the_table_of_floors_names_every_part_once() {
    let mut parts: Vec<&str> = FLOORS.concat();
    parts.sort_unstable();
    let sources = sources(&["src"]);
    let found: BTreeSet<&str> = sources.iter().filter_map(Source::part).collect();
    assert_eq!(parts, found.into_iter().collect::<Vec<_>>());
    assert!(may_use("ops", "meta") && may_use("server", "admin") && may_use("name", "error"));
    assert!(
        !may_use("meta", "blob")
            && !may_use("wire", "auth")
            && may_use("app", "auth")
            && !may_use("auth", "app")
            && !may_use("ops", "sky")
    );
}

#[test]
fn operations_know_nothing_of_the_engine() {
    let mut findings = Vec::new();
    for source in sources(&["src/ops"]) {
        for (line_number, line) in source.code() {
            // Restores have a `Tier` in their documents.
            let line = line.replace("\"Tier\"", "").replace("<Tier>", "").replace("</Tier>", "");
            let word = ENGINE_WORDS.iter().find(|word| has_word(&line, word));
            findings.extend(word.map(|word| format!("{}:{line_number}: {word}", source.path)));
        }
    }
    expect_none(&findings);
}

#[test]
fn one_file_names_each_walled_library() {
    let mut findings = Vec::new();
    for (library, door) in SINGLE_DOORS {
        let mut is_behind_its_door = false;
        for source in sources(&["src"]) {
            for (line_number, _) in source.code().filter(|(_, line)| has_word(line, library)) {
                is_behind_its_door |= source.path == *door;
                if source.path != *door {
                    findings.push(format!("{}:{line_number}: only {door} names {library}", source.path));
                }
            }
        }
        assert!(is_behind_its_door, "{door} does not name {library} any more: mend this table");
    }
    expect_none(&findings);
}

#[test]
fn every_file_is_a_module() {
    let sources = sources(&["src"]);
    let texts: BTreeMap<&str, &str> = sources.iter().map(|source| (&*source.path, &*source.text)).collect();
    let mut findings = Vec::new();
    for path in texts.keys().filter(|path| !matches!(**path, "src/lib.rs" | "src/main.rs")) {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let (folder, name) = module.rsplit_once('/').unwrap();
        let parent = if folder == "src" { "src/lib.rs".to_owned() } else { format!("{folder}/mod.rs") };
        let declaration = format!("mod {name};");
        let is_declared =
            |text: &&str| text.lines().any(|line| line == declaration || line.ends_with(&format!(" {declaration}")));
        if !texts.get(&*parent).is_some_and(is_declared) {
            findings.push(format!("{path}: {parent} has no `{declaration}`"));
        }
    }
    expect_none(&findings);
}

#[test]
fn every_file_says_what_it_is() {
    let silent = all_sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    expect_none(&silent.map(|source| format!("{}: does not open with //!", source.path)).collect::<Vec<_>>());
}

#[test]
fn files_and_functions_stay_short() {
    let mut findings = Vec::new();
    for source in all_sources() {
        let lines = source.lines_without_tests();
        if lines > FILE_LINES_MAX {
            findings.push(format!("{}: {lines} lines; which second thing moved in?", source.path));
        }
        for (line_number, length) in functions(&source.text) {
            if length > FUNCTION_LINES_MAX {
                findings.push(format!("{}:{line_number}: a function of {length} lines", source.path));
            }
        }
    }
    expect_none(&findings);
}

/// Line and length of every function. Relies on rustfmt: a body ends with a brace as far in as its `fn`.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if !is_function(line) {
            continue;
        }
        let closes = |later: &&str| indent(later) == indent(line) && later.trim_start() == "}";
        let length = lines[index..].iter().take_while(|later| !closes(later)).count() + 1;
        // One that ends on its own line, or has no body, is short.
        let is_short = line.ends_with(';') || line.ends_with('}');
        found.push((index + 1, if is_short { 1 } else { length }));
    }
    found
}

fn is_function(line: &str) -> bool {
    let mut rest = line.trim_start();
    if let Some(item) = rest.strip_prefix("pub") {
        rest = item.split_once(' ').map_or("", |(_, item)| item);
    }
    while let Some(item) = rest.strip_prefix("const ").or_else(|| rest.strip_prefix("async ")) {
        rest = item;
    }
    rest.starts_with("fn ")
}

#[test]
fn functions_are_measured() {
    let text = "fn a() {}\nimpl B {\n    pub(super) async fn b(\n        x: u8,\n    ) -> u8 {\n        x\n    }\n\n    fn c();\n}\n// fn d() {\n";
    assert_eq!(functions(text), [(1, 1), (3, 5), (9, 1)]);
}

#[test]
fn nothing_is_left_for_later() {
    // In two halves, so that this file does not find itself.
    let words = [concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO"), concat!("HA", "CK")];
    let calls = [concat!("todo", "!("), concat!("dbg", "!("), concat!("unimplemented", "!(")];
    let mut findings = Vec::new();
    for source in all_sources() {
        for (index, line) in source.text.lines().enumerate() {
            if words.iter().any(|word| has_word(line, word)) || calls.iter().any(|call| line.contains(call)) {
                findings.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn printed_pages_are_fresh() {
    let pages = [
        ("docs/config.md", obs_gateway::config::reference()),
        ("docs/errors.md", obs_gateway::wire::render::reference()),
        ("docs/metrics.md", obs_gateway::metrics::reference()),
        ("docs/operations.md", obs_gateway::ops::reference()),
    ];
    let is_update = std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1");
    let mut findings = Vec::new();
    for (path, page) in pages {
        let file = root().join(path);
        if is_update {
            fs::write(&file, &page).unwrap();
        }
        if fs::read_to_string(&file).unwrap_or_default() != page {
            findings.push(format!("{path} is stale: UPDATE_DOCS=1 cargo test --test tidy"));
        }
    }
    expect_none(&findings);
}

#[test]
fn links_in_the_docs_lead_somewhere() {
    let mut pages = files("docs", "md");
    pages.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let mut findings = Vec::new();
    let mut linked = BTreeSet::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            match path.canonicalize() {
                Ok(path) => drop(linked.insert(path)),
                Err(_) => findings.push(format!("{}: {target} is not there", page.display())),
            }
        }
    }
    for page in pages.iter().filter(|page| !linked.contains(&page.canonicalize().unwrap())) {
        if !page.ends_with("README.md") {
            findings.push(format!("{}: no page links to it", page.display()));
        }
    }
    expect_none(&findings);
}

#[test]
fn the_docs_name_files_that_exist() {
    let mut pages = files("docs", "md");
    pages.push(root().join("README.md"));
    let mut findings = String::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for path in text.split('`').skip(1).step_by(2).filter(|word| word.starts_with("src/") && !word.contains(' ')) {
            if !path.contains(['*', '<', '…']) && !root().join(path.trim_end_matches('/')).exists() {
                writeln!(findings, "{}: {path} is not there", page.display()).unwrap();
            }
        }
    }
    assert!(findings.is_empty(), "\n{findings}");
}
