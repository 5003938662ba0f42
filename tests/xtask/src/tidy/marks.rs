//! Where the engine refuses an account or holds a swap back: each such branch has a mark of its own,
//! and each mark a test that goes there. The sources are parsed, so that it does not matter how a
//! branch is written.

use super::tree::Files;
use super::{Finding, finding};
use std::collections::BTreeSet;
use std::path::Path;
use syn::visit::{self, Visit};

/// What is looked through, and the tests of the marks in it.
const SOURCES: &str = "src-tauri/engine/src/";
const TESTS: &str = "src-tauri/engine/tests/cases/marks.rs";

/// Triggers that move a lane, and the one of a look at which nothing fired. Any other holds it back.
const FREE: [&str; 9] = [
    "HigherTierEmerged",
    "IntraTierPreempted",
    "TierDrained",
    "ForcedCritical",
    "BurnRate",
    "FailureReported",
    "Manual",
    "PlanImproved",
    "Tick",
];

/// What was found in one file, or in all.
#[derive(Default)]
struct Branches {
    /// Every mark, in the order of the sources.
    marks: Vec<String>,
    /// Function and answer of branches without a mark of their own.
    bare: Vec<String>,
}

impl Branches {
    /// Adds one file's.
    fn read(&mut self, text: &str) -> Result<(), syn::Error> {
        let file = syn::parse_file(text)?;
        Walk { found: self, within: String::new(), free: vec![0], returns: false }
            .visit_file(&file);
        Ok(())
    }
}

/// Branches without a mark, marks of two branches, and marks without a test.
pub fn audit(files: &Files, findings: &mut Vec<Finding>) {
    let tests = files.get(TESTS).map(|file| file.text.as_str()).unwrap_or_default();
    let tested: BTreeSet<&str> = tests
        .split("marked!(")
        .skip(1)
        .filter_map(|rest| rest.trim_start().split([',', ' ']).next())
        .collect();
    let mut known = BTreeSet::new();
    for file in files.0.iter().filter(|file| file.is("rs") && file.name().starts_with(SOURCES)) {
        let mut told = |text: String| findings.push(finding(&file.path, 1, text));
        let mut found = Branches::default();
        if let Err(error) = found.read(&file.text) {
            told(format!("not Rust: {error}"));
        }
        for bare in found.bare {
            told(format!("a branch that refuses without a mark of its own: {bare}"));
        }
        for mark in found.marks {
            if !tested.contains(mark.as_str()) {
                told(format!("no test in {TESTS} goes to the mark `{mark}`"));
            }
            if !known.insert(mark.clone()) {
                told(format!("the mark `{mark}` stands for two branches"));
            }
        }
    }
    for test in tested.iter().filter(|test| !known.contains(**test)) {
        findings.push(finding(Path::new(TESTS), 1, format!("there is no mark `{test}`")));
    }
}

/// A walk through one file. A scope is a block, an arm or a closure; a mark stands for one branch of
/// the very scope it is a statement of.
struct Walk<'a> {
    /// The function it is in.
    within: String,
    found: &'a mut Branches,
    /// Marks without a branch yet, per scope.
    free: Vec<usize>,
    /// Within a `return`.
    returns: bool,
}

impl Walk<'_> {
    fn scope(&mut self, marks: usize, inside: impl FnOnce(&mut Self)) {
        let returns = std::mem::take(&mut self.returns);
        self.free.push(marks);
        inside(self);
        self.free.pop();
        self.returns = returns;
    }

    fn branch(&mut self, path: &syn::Path) {
        match self.free.last_mut() {
            Some(free) if *free > 0 => *free -= 1,
            _ => {
                let answer = path.segments.last().map(|segment| segment.ident.to_string());
                let answer = answer.unwrap_or_default();
                self.found.bare.push(format!("{}: {answer}", self.within));
            }
        }
    }

    /// Whether the path answers with a refusal, or keeps a lane where it is. Leaving at once with
    /// the trigger of a quiet look counts as well.
    fn refuses(&self, path: &syn::Path) -> bool {
        let mut names = path.segments.iter().rev().map(|segment| segment.ident.to_string());
        let (Some(variant), Some(of)) = (names.next(), names.next()) else { return false };
        match of.as_str() {
            "Refusal" => variant != "Eligible",
            "Hold" => variant != "Nothing",
            "Trigger" => !FREE.contains(&variant.as_str()) || (variant == "Tick" && self.returns),
            _ => false,
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    let tests = |attribute: &syn::Attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    };
    attributes.iter().any(tests)
}

fn mark(statement: &syn::Stmt) -> Option<String> {
    let syn::Stmt::Macro(found) = statement else { return None };
    let mut path = found.mac.path.segments.iter().map(|segment| segment.ident.to_string());
    (path.next()? == "cov_mark" && path.next()? == "hit").then(|| found.mac.tokens.to_string())
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.within = signature.ident.to_string();
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let marks: Vec<String> = block.stmts.iter().filter_map(mark).collect();
        let count = marks.len();
        self.found.marks.extend(marks);
        self.scope(count, |walk| visit::visit_block(walk, block));
    }

    /// What is only compared with.
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.scope(0, |walk| visit::visit_arm(walk, arm));
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.scope(0, |walk| visit::visit_expr_closure(walk, closure));
    }

    fn visit_expr_return(&mut self, leaves: &'ast syn::ExprReturn) {
        let outside = std::mem::replace(&mut self.returns, true);
        visit::visit_expr_return(self, leaves);
        self.returns = outside;
    }

    fn visit_expr_binary(&mut self, compared: &'ast syn::ExprBinary) {
        use syn::BinOp::{Eq, Ne};
        // A refusal that is only looked at.
        if !matches!(compared.op, Eq(_) | Ne(_)) {
            visit::visit_expr_binary(self, compared);
        }
    }

    /// A trigger with its hold is one answer.
    fn visit_expr_tuple(&mut self, pair: &'ast syn::ExprTuple) {
        let path = |part: &'ast syn::Expr| match part {
            syn::Expr::Path(found) => Some(&found.path),
            syn::Expr::Struct(made) => Some(&made.path),
            _ => None,
        };
        match pair.elems.iter().filter_map(path).find(|path| self.refuses(path)) {
            Some(answer) => self.branch(answer),
            None => visit::visit_expr_tuple(self, pair),
        }
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if self.refuses(&path.path) {
            self.branch(&path.path);
        }
    }

    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        if self.refuses(&made.path) {
            self.branch(&made.path);
        }
        visit::visit_expr_struct(self, made);
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::code_only;
    use super::super::tree::File;
    use super::*;

    #[test]
    fn a_refusal_without_a_mark_is_found_however_it_is_written() {
        let bare = |body: &str| {
            let mut found = Branches::default();
            found.read(&format!("fn judged() {{ {body} }}")).unwrap();
            found.bare.len()
        };
        for refusing in [
            "return Refusal::Stale;",
            "Refusal::Stale",
            "if old { Refusal::Stale } else { Refusal::Eligible }",
            "match seen { None => Refusal::Stale, Some(_) => Refusal::Eligible }",
            "match seen { _ if old => crate::decision::Refusal::Stale, _ => Refusal::Eligible }",
            "let refusal = seen.map_or(Refusal::Stale, |_| Refusal::Eligible);",
            "let refusal = old.then(|| Refusal::Stale);",
            "Candidate { refusal: Refusal::Stale, ..blank() }",
            "(Trigger::NoTarget, Hold::NoTarget)",
            "decision.trigger = Trigger::CooldownBlocked;",
            "return Some(Trigger::Tick);",
            "explain::hold(&Hold::Resting { minutes: None }, None, rules)",
            // A mark of another branch, or of the scope around it, does not count.
            "cov_mark::hit!(one); if old { return Refusal::Stale; }",
            "cov_mark::hit!(one); match seen { None => Refusal::Stale, Some(_) => Refusal::Eligible }",
            "cov_mark::hit!(one); if a(Refusal::Stale) { b() } else { c(Refusal::Disabled) }",
        ] {
            assert!(bare(refusing) >= 1, "{refusing}");
        }
        for fine in [
            "if standing.refusal == Refusal::Stale { wait() }",
            "matches!(refusal, Refusal::Stale | Refusal::Disabled)",
            "match refusal { Refusal::Stale => 1, Refusal::Disabled => 2 }",
            "decision.trigger = Trigger::Tick;",
            "Refusal::Eligible",
            "if old { cov_mark::hit!(stale); return Refusal::Stale; }",
            "match seen { None => { cov_mark::hit!(unknown); Refusal::UsageUnknown } _ => Refusal::Eligible }",
        ] {
            assert_eq!(bare(fine), 0, "{fine}");
        }
    }

    #[test]
    fn every_refusing_branch_has_a_mark_and_every_mark_a_test() {
        let told = |source: &str, tests: &str| -> Vec<String> {
            let file = |path: &str, text: &str| File {
                path: path.into(),
                text: text.into(),
                code: code_only(text),
            };
            let source = file("src-tauri/engine/src/survey.rs", source);
            let mut findings = Vec::new();
            audit(&Files(vec![source, file(TESTS, tests)]), &mut findings);
            findings.into_iter().map(|finding| finding.text).collect()
        };
        let marked = "fn a() { cov_mark::hit!(stale); Refusal::Stale }";
        let test = "marked!(stale, beside(old()), refused(2, Refusal::Stale));";
        assert!(told(marked, test).is_empty());
        assert_eq!(told(marked, "").len(), 1, "a mark without a test");
        assert_eq!(told("fn a() { Refusal::Eligible }", test).len(), 1, "a test without a mark");
        assert_eq!(told("fn a() { Refusal::Stale }", "").len(), 1, "a branch without a mark");
        let twice = format!("{marked} {}", marked.replace("fn a", "fn b"));
        assert_eq!(told(&twice, test), ["the mark `stale` stands for two branches"]);
        assert_eq!(told("fn a( {", "").len(), 1, "what is no Rust");
    }
}
