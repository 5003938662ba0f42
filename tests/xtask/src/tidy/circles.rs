//! No circles between the modules of a crate: modules beside each other, each with everything below
//! it, can be put in an order in which each names only earlier ones. A parent and its own children
//! may name each other.

use super::modules::{Crate, ModulePath, Reference};
use super::tree::Files;
use super::{Finding, finding, relative};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What one module names in another beside it.
type Edges<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Reference<'a>>>;

/// Every circle of every crate of the workspace.
pub fn circles(files: &Files, root: &Path, metadata: &Value, findings: &mut Vec<Finding>) {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let ours = packages.iter().filter(|package| package["source"].is_null());
    for target in ours.flat_map(|package| package["targets"].as_array().into_iter().flatten()) {
        let source = PathBuf::from(target["src_path"].as_str().unwrap_or_default());
        of_crate(files, &relative(root, &source), findings);
    }
}

/// The circles of the crate with this root file.
fn of_crate(files: &Files, source: &Path, findings: &mut Vec<Finding>) {
    let read = Crate::read(files, source);
    let references = read.references();
    for (above, edges) in levels(&references) {
        for circle in strongly_connected(&edges) {
            findings.push(described(&above, &circle, &edges));
        }
    }
}

/// Per parent: what its children name in each other, with everything below them.
fn levels<'a>(references: &'a [Reference<'a>]) -> BTreeMap<ModulePath, Edges<'a>> {
    let mut levels: BTreeMap<ModulePath, Edges<'a>> = BTreeMap::new();
    for reference in references {
        let pairs = reference.from.iter().zip(&reference.to);
        let common = pairs.take_while(|(from, to)| from == to).count();
        let (from, to) = (reference.from.get(common), reference.to.get(common));
        if let (Some(from), Some(to)) = (from, to) {
            let level = levels.entry(reference.to[..common].to_vec()).or_default();
            level.entry((from, to)).or_default().push(reference);
        }
    }
    levels
}

/// Sets of modules each of which leads to each other.
fn strongly_connected<'a>(edges: &Edges<'a>) -> Vec<BTreeSet<&'a str>> {
    let reached = |start: &'a str| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(at) = open.pop() {
            let next = edges.keys().filter(|(from, _)| *from == at).map(|(_, to)| *to);
            open.extend(next.filter(|to| reached.insert(*to)));
        }
        reached
    };
    let names: BTreeSet<&str> = edges.keys().flat_map(|(from, to)| [*from, *to]).collect();
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        names.iter().map(|name| (*name, reached(name))).collect();
    let mut circles = BTreeSet::new();
    for (name, reached) in &reach {
        let back = reached.iter().filter(|other| reach[*other].contains(name));
        let circle: BTreeSet<&str> = back.copied().collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// The members, then every place where one names another.
fn described(above: &[String], circle: &BTreeSet<&str>, edges: &Edges) -> Finding {
    let inside = |(from, to): &(&str, &str)| circle.contains(from) && circle.contains(to);
    let members: Vec<&str> = circle.iter().copied().collect();
    let above = if above.is_empty() { "the crate".to_owned() } else { above.join("::") };
    let mut text = format!("a circle of modules in {above}: {}", members.join(", "));
    let mut first = None;
    for ((from, to), places) in edges.iter().filter(|(pair, _)| inside(pair)) {
        let mut told = BTreeSet::new();
        for place in places {
            first.get_or_insert((place.file, place.line));
            told.insert((place.file, place.line, place.words.as_str()));
        }
        for (file, line, words) in told {
            let _infallible =
                write!(text, "\n    {from} → {to}: {}:{line}: {words}", file.display());
        }
    }
    let (file, line) = first.unwrap_or((Path::new(""), 1));
    finding(file, line, text)
}

#[cfg(test)]
mod tests {
    use super::super::text::code_only;
    use super::super::tree::File;
    use super::*;

    /// A crate with these files.
    fn crate_of(sources: &[(&str, &str)]) -> Files {
        let file = |(path, text): &(&str, &str)| File {
            path: Path::new("c/src").join(path),
            text: (*text).to_owned(),
            code: code_only(text),
        };
        Files(sources.iter().map(file).collect())
    }

    /// What is told of it.
    fn told(sources: &[(&str, &str)]) -> Vec<String> {
        let mut findings = Vec::new();
        of_crate(&crate_of(sources), Path::new("c/src/lib.rs"), &mut findings);
        findings.into_iter().map(|finding| finding.text).collect()
    }

    const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b; mod c;\npub struct Exit;\n");

    #[test]
    fn a_circle_is_told_with_every_edge() {
        let found = told(&[
            ROOT,
            ("a.rs", "use crate::b::One;\npub struct Two(One);\n"),
            ("b.rs", "pub struct One;\n\nfn f() -> super::c::Three { todo!() }\n"),
            ("c.rs", "pub struct Three;\nfn g() { let x = [crate::a::Two]; }\n"),
        ]);
        assert_eq!(
            found,
            ["a circle of modules in the crate: a, b, c\n    \
              a → b: c/src/a.rs:1: crate::b::One\n    \
              a → b: c/src/a.rs:2: One\n    \
              b → c: c/src/b.rs:3: super::c::Three\n    \
              c → a: c/src/c.rs:2: crate::a::Two"]
        );
    }

    #[test]
    fn an_order_is_no_circle() {
        let sources = [
            ROOT,
            ("a.rs", "use crate::{Exit, b, c::*};\nfn f(_: b::One, _: Three) {}\n"),
            ("b.rs", "use crate::c::Three;\npub struct One(Three);\n"),
            ("c.rs", "use crate::Exit;\npub struct Three(Exit);\n"),
        ];
        assert!(told(&sources).is_empty(), "{:?}", told(&sources));
    }

    #[test]
    fn parent_and_child_may_name_each_other() {
        let sources = [
            ("lib.rs", "mod a;\nuse a::One;\npub struct Exit(One);\n"),
            ("a.rs", "mod below;\npub use below::Two;\npub struct One(crate::Exit);\n"),
            ("a/below.rs", "use super::One;\npub struct Two(One);\n"),
        ];
        assert!(told(&sources).is_empty(), "{:?}", told(&sources));
    }

    #[test]
    fn what_lies_below_a_module_counts_as_the_module() {
        let found = told(&[
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a/mod.rs", "pub mod below;\npub struct One;\n"),
            ("a/below.rs", "use crate::b::Two;\n"),
            ("b.rs", "use crate::a::One;\npub struct Two;\n"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("a → b: c/src/a/below.rs:1: crate::b::Two"), "{found:?}");
    }

    #[test]
    fn a_name_is_followed_to_where_it_is_defined() {
        // Through the root, through an alias and through a star.
        for (root, names) in [
            ("mod a; mod b;\npub use b::Two;\n", "use crate::Two;\n"),
            ("mod a; mod b;\n", "use crate::b as other;\nfn f() -> other::Two { g() }\n"),
            ("mod a; mod b;\npub use b::*;\n", "use super::*;\nfn f(_: Two) {}\n"),
            ("mod a; mod b;\n", "fn f() { println!(\"{}\", crate::b::two()); }\n"),
            ("mod a; mod b;\n", "#[serde(with = \"crate::b\")]\nstruct Three;\n"),
        ] {
            let back = "use crate::a::One;\npub struct Two;\npub fn two() {}\n";
            let one = format!("{names}pub struct One;\n");
            let found = told(&[("lib.rs", root), ("a.rs", &one), ("b.rs", back)]);
            assert_eq!(found.len(), 1, "{names}: {found:?}");
        }
    }

    #[test]
    fn tests_may_name_what_they_like() {
        let sources = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "pub struct One;\n#[cfg(test)]\nmod tests {\n    use crate::b::Two;\n}\n"),
            ("b.rs", "use crate::a::One;\npub struct Two(One);\n"),
        ];
        assert!(told(&sources).is_empty(), "{:?}", told(&sources));
    }

    #[test]
    fn every_target_of_our_own_packages_is_read() {
        let metadata = serde_json::json!({ "packages": [
            { "source": null, "targets": [{ "src_path": "/p/c/src/lib.rs" }] },
            { "source": "registry", "targets": [{ "src_path": "/p/c/src/lib.rs" }] },
        ]});
        let files = crate_of(&[
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "use crate::b::Two;\npub struct One;\n"),
            ("b.rs", "use crate::a::One;\npub struct Two(One);\n"),
        ]);
        let mut findings = Vec::new();
        circles(&files, Path::new("/p"), &metadata, &mut findings);
        assert_eq!(findings.len(), 1, "{findings:?}");
    }
}
