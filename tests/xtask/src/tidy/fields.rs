//! The machines of the core own their fields: none is reached from beside it. Private fields are held by
//! the compiler; this finds those that were opened to the rest of the crate.

use super::tree::Files;
use super::{Finding, finding};
use std::path::Path;
use syn::visit::{self, Visit};

const CORE: &str = "src-tauri/core/src/";

/// Fields of the core that other modules of the crate may reach.
pub fn owned(files: &Files, findings: &mut Vec<Finding>) {
    let core = files.0.iter().filter(|file| file.is("rs") && file.name().starts_with(CORE));
    for file in core.filter(|file| !file.name().starts_with(&format!("{CORE}tests/"))) {
        let Ok(syntax) = syn::parse_file(&file.text) else { continue };
        Fields { path: &file.path, findings }.visit_file(&syntax);
    }
}

struct Fields<'a> {
    path: &'a Path,
    findings: &'a mut Vec<Finding>,
}

impl<'ast> Visit<'ast> for Fields<'_> {
    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let syn::Visibility::Restricted(opened) = &field.vis {
            let name = field.ident.as_ref().map_or_else(|| "it".to_owned(), ToString::to_string);
            let text = format!("`{name}` is reached from beside its module: give it a method");
            let line = opened.pub_token.span.start().line;
            self.findings.push(finding(self.path, line, text));
        }
        visit::visit_field(self, field);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::File;
    use super::*;

    fn found(name: &str, text: &str) -> Vec<String> {
        let file = File { path: name.into(), text: text.to_owned(), code: text.to_owned() };
        let mut findings = Vec::new();
        owned(&Files(vec![file]), &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_field_that_is_opened_to_the_crate_is_found() {
        let text = "struct Polls {\n    due: u8,\n    pub(super) pace: u8,\n    pub(crate) wanted: u8,\n}\n";
        let told = |line: u8, name: &str| {
            let text = format!("`{name}` is reached from beside its module: give it a method");
            format!("src-tauri/core/src/polling.rs:{line}: {text}")
        };
        let name = "src-tauri/core/src/polling.rs";
        assert_eq!(found(name, text), [told(3, "pace"), told(4, "wanted")]);
    }

    #[test]
    fn plain_data_and_other_crates_may_have_them() {
        assert!(found("src-tauri/core/src/ports.rs", "pub struct Kept { pub at: u8 }").is_empty());
        assert!(found("src-tauri/engine/src/a.rs", "struct A { pub(crate) b: u8 }").is_empty());
    }
}
