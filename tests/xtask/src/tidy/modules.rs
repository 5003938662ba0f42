//! The modules of a crate: what each defines and what each names, read with `syn`.
//!
//! Only written paths count: what a method returns without its type being named is no import.

use super::text::test_lines;
use super::tree::{File, Files};
use proc_macro2::{Spacing, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// Imports of imports that are followed; a chain this long does not occur.
const HOPS_MAX: u32 = 16;

/// A module's path from the root of its crate: empty for the root.
pub type ModulePath = Vec<String>;

/// The modules of one crate by path.
#[derive(Default)]
pub struct Crate(BTreeMap<ModulePath, Module>);

/// One module, without what only exists in tests.
#[derive(Default)]
struct Module {
    /// Relative to the root of the project.
    file: PathBuf,
    /// Items, by name.
    defines: BTreeSet<String>,
    /// What a name stands for: the path as it is written.
    imports: BTreeMap<String, Vec<String>>,
    /// `use path::*`.
    globs: Vec<Vec<String>>,
    /// Every path in the code.
    named: Vec<Named>,
}

/// A path in the code.
struct Named {
    words: Vec<String>,
    line: usize,
}

/// A module names another one, or something that is defined there.
pub struct Reference<'a> {
    /// Where the path stands.
    pub from: &'a [String],
    /// Where what it names is defined.
    pub to: ModulePath,
    /// Relative to the root of the project.
    pub file: &'a Path,
    /// In that file, from 1.
    pub line: usize,
    /// The path as it is written.
    pub words: String,
}

impl Crate {
    /// Reads a crate from its root file on. A file that does not parse is left out: the compiler has
    /// more to say about it.
    pub fn read(files: &Files, root: &Path) -> Self {
        let mut read = Self::default();
        let mut open = vec![(Vec::new(), root.to_path_buf())];
        while let Some((path, name)) = open.pop() {
            let Some(file) = files.0.iter().find(|file| file.path == name) else { continue };
            let Ok(syntax) = syn::parse_file(&file.text) else { continue };
            let mut reader = Reader::new(&mut read, files, file, path, name == root);
            reader.visit_file(&syntax);
            open.append(&mut reader.outside);
        }
        read
    }

    /// Every path that leads from one module to another.
    pub fn references(&self) -> Vec<Reference<'_>> {
        let mut found = Vec::new();
        for (from, module) in &self.0 {
            for named in &module.named {
                let Some(to) = self.owner(from, &named.words, HOPS_MAX) else { continue };
                if to != *from {
                    let (file, line, words) = (&*module.file, named.line, named.words.join("::"));
                    found.push(Reference { from, to, file, line, words });
                }
            }
        }
        found
    }

    /// The module that defines what `words` name in `from`; `None` for what is not of this crate.
    fn owner(&self, from: &[String], words: &[String], hops: u32) -> Option<ModulePath> {
        let (first, rest) = words.split_first()?;
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, hops),
            "self" | "super" => self.descend(from.to_vec(), words, hops),
            _ => {
                let own = self.found_in(from, first, rest, hops);
                // A path that starts with a foreign crate, or a name without a meaning here.
                own.or_else(|| self.by_glob(from, words, hops))
            }
        }
    }

    /// Goes on from a module; what it is not known to define is taken as its own.
    fn descend(&self, at: ModulePath, rest: &[String], hops: u32) -> Option<ModulePath> {
        let Some((first, rest)) = rest.split_first() else { return Some(at) };
        match first.as_str() {
            "self" => self.descend(at, rest, hops),
            "super" => {
                let above = at[..at.len().checked_sub(1)?].to_vec();
                self.descend(above, rest, hops)
            }
            _ => {
                let found = self.found_in(&at, first, rest, hops);
                let words: Vec<String> = std::iter::once(first).chain(rest).cloned().collect();
                found.or_else(|| self.by_glob(&at, &words, hops)).or(Some(at))
            }
        }
    }

    /// `name` and what follows it, as a child, an import or an item of the module.
    fn found_in(
        &self,
        at: &[String],
        name: &String,
        rest: &[String],
        hops: u32,
    ) -> Option<ModulePath> {
        let child: ModulePath = at.iter().chain([name]).cloned().collect();
        if self.0.contains_key(&child) {
            return self.descend(child, rest, hops);
        }
        let module = self.0.get(at)?;
        if let Some(import) = module.imports.get(name) {
            let words: Vec<String> = import.iter().chain(rest).cloned().collect();
            // An import whose name is its own first word leads out of the crate.
            let foreign = import.first() == Some(name);
            return if foreign { None } else { self.owner(at, &words, hops.checked_sub(1)?) };
        }
        module.defines.contains(name).then(|| at.to_vec())
    }

    /// A name that comes in by `use path::*`.
    fn by_glob(&self, at: &[String], words: &[String], hops: u32) -> Option<ModulePath> {
        let hops = hops.checked_sub(1)?;
        let (first, rest) = words.split_first()?;
        self.0.get(at)?.globs.iter().find_map(|glob| {
            let source = self.owner(at, glob, hops)?;
            let own = self.found_in(&source, first, rest, hops);
            own.or_else(|| self.by_glob(&source, words, hops))
        })
    }
}

/// Walks through one file.
struct Reader<'a> {
    read: &'a mut Crate,
    files: &'a Files,
    file: &'a File,
    /// Lines that only exist in tests, from 0.
    tests: Vec<std::ops::Range<usize>>,
    /// The module the walk is in.
    path: ModulePath,
    /// Where the files of its children lie.
    folder: PathBuf,
    /// Children in files of their own.
    outside: Vec<(ModulePath, PathBuf)>,
}

impl<'a> Reader<'a> {
    fn new(
        read: &'a mut Crate,
        files: &'a Files,
        file: &'a File,
        path: ModulePath,
        root: bool,
    ) -> Self {
        let above = file.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let stem = file.path.file_stem().unwrap_or_default();
        let folder = if root || stem == "mod" { above } else { above.join(stem) };
        read.0.entry(path.clone()).or_default().file.clone_from(&file.path);
        let tests = test_lines(&file.code);
        Self { read, files, file, tests, path, folder, outside: Vec::new() }
    }

    fn module(&mut self) -> &mut Module {
        self.read.0.entry(self.path.clone()).or_default()
    }

    fn ships(&self, line: usize) -> bool {
        !self.tests.iter().any(|range| range.contains(&(line - 1)))
    }

    fn name(&mut self, words: Vec<String>, line: usize) {
        if self.ships(line) {
            self.module().named.push(Named { words, line });
        }
    }

    fn define(&mut self, name: &syn::Ident) {
        if self.ships(name.span().start().line) {
            self.module().defines.insert(name.to_string());
        }
    }

    /// A single word may be a local name; only what looks like a type or is called is looked up.
    fn path(&mut self, path: &syn::Path, called: bool) {
        let words: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        let Some(first) = path.segments.first() else { return };
        if words.len() > 1 || called || is_type(&words[0]) {
            self.name(words, first.ident.span().start().line);
        }
    }

    /// Every leaf of a `use`.
    fn uses(&mut self, tree: &syn::UseTree, above: &[String]) {
        let mut words = above.to_vec();
        match tree {
            syn::UseTree::Path(part) => {
                words.push(part.ident.to_string());
                self.uses(&part.tree, &words);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.uses(tree, &words));
            }
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                if self.ships(line) {
                    self.module().globs.push(words.clone());
                }
                self.name(words, line);
            }
            syn::UseTree::Name(leaf) => self.import(words, &leaf.ident, &leaf.ident),
            syn::UseTree::Rename(leaf) => self.import(words, &leaf.ident, &leaf.rename),
        }
    }

    fn import(&mut self, mut words: Vec<String>, name: &syn::Ident, alias: &syn::Ident) {
        let mut alias = alias.to_string();
        if name == "self" {
            // `use a::{self}` is `use a`.
            if alias == "self" {
                alias = words.last().cloned().unwrap_or_default();
            }
        } else {
            words.push(name.to_string());
        }
        let line = name.span().start().line;
        if self.ships(line) {
            self.module().imports.insert(alias, words.clone());
        }
        self.name(words, line);
    }

    /// Paths in what a macro or an attribute is given: it is not parsed, its words are.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        // The word before was a dot: what follows is a field or a method.
        let mut member = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => self.quoted(&literal),
                TokenTree::Ident(first) => {
                    let line = first.span().start().line;
                    let mut words = vec![first.to_string()];
                    while let Some(next) = next_word(&mut tokens) {
                        words.push(next);
                    }
                    let called = matches!(tokens.peek(), Some(TokenTree::Group(_)));
                    if !member && (words.len() > 1 || called || is_type(&words[0])) {
                        self.name(words, line);
                    }
                    member = false;
                }
                TokenTree::Punct(punct) => member = punct.as_char() == '.',
            }
        }
    }

    /// An attribute may name a path in a string: `#[serde(with = "crate::codec")]`.
    fn quoted(&mut self, literal: &proc_macro2::Literal) {
        let line = literal.span().start().line;
        let text = literal.to_string();
        let Some(text) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
            return;
        };
        if let Ok(path) = syn::parse_str::<syn::Path>(text)
            && path.segments.len() > 1
        {
            let words = path.segments.iter().map(|part| part.ident.to_string()).collect();
            self.name(words, line);
        }
    }
}

/// `::` and a word, taken off the front.
fn next_word(
    tokens: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>,
) -> Option<String> {
    let mut ahead = tokens.clone();
    for spacing in [Spacing::Joint, Spacing::Alone] {
        match ahead.next()? {
            TokenTree::Punct(colon) if colon.as_char() == ':' && colon.spacing() == spacing => {}
            _ => return None,
        }
    }
    let TokenTree::Ident(word) = ahead.next()? else { return None };
    *tokens = ahead;
    Some(word.to_string())
}

fn is_type(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && word != "Self"
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Const(item) => self.define(&item.ident),
            syn::Item::Enum(item) => self.define(&item.ident),
            syn::Item::Fn(item) => self.define(&item.sig.ident),
            syn::Item::Static(item) => self.define(&item.ident),
            syn::Item::Struct(item) => self.define(&item.ident),
            syn::Item::Trait(item) => self.define(&item.ident),
            syn::Item::Type(item) => self.define(&item.ident),
            syn::Item::Union(item) => self.define(&item.ident),
            syn::Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    self.define(name);
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !self.ships(item.ident.span().start().line) {
            return;
        }
        let name = item.ident.to_string();
        let child: ModulePath = self.path.iter().chain([&name]).cloned().collect();
        if let Some((_, items)) = &item.content {
            let file = self.file.path.clone();
            self.read.0.entry(child.clone()).or_default().file = file;
            let above = std::mem::replace(&mut self.path, child);
            self.folder.push(&name);
            items.iter().for_each(|item| self.visit_item(item));
            self.folder.pop();
            self.path = above;
            return;
        }
        let beside = self.file.path.parent().unwrap_or(Path::new(""));
        let places = match assigned(&item.attrs) {
            Some(path) => vec![beside.join(path)],
            None => {
                vec![self.folder.join(format!("{name}.rs")), self.folder.join(&name).join("mod.rs")]
            }
        };
        let exists = |place: &PathBuf| self.files.0.iter().any(|file| file.path == *place);
        if let Some(place) = places.into_iter().find(exists) {
            self.outside.push((child, place));
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // `use ::name` is a foreign crate's.
        if item.leading_colon.is_none() {
            self.uses(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.path(path, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(callee) = &*call.func {
            self.path(&callee.path, true);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        self.path(&found.path, false);
        self.tokens(found.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    /// `pub(super)` names no import.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

/// The file of `#[path = "…"]`.
fn assigned(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(literal) = &pair.value else { return None };
        match &literal.lit {
            syn::Lit::Str(text) if pair.path.is_ident("path") => Some(text.value()),
            _ => None,
        }
    })
}
