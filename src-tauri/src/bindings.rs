//! Generates `ui/src/bindings.ts` from the Rust source of the interface, and fails when the file
//! that is checked in differs. `SLUICE_BLESS=1 cargo test -p sluice-app bindings` writes it.
//!
//! It reads the source instead of asking for derives: the engine stays free of a derive that only a
//! page needs, and what it does not understand is an error instead of a guess.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use syn::{Attribute, Fields, GenericArgument, Item, ItemEnum, ItemStruct, PathArguments, Type};

/// Where the interface's types stand.
const SOURCES: [&str; 13] = [
    "src/shell.rs",
    "protocol/src/lib.rs",
    "protocol/src/flight.rs",
    "protocol/src/log.rs",
    "protocol/src/notice.rs",
    "protocol/src/window.rs",
    "engine/src/skip.rs",
    "protocol/src/outlook.rs",
    "protocol/src/compare.rs",
    "engine/src/units.rs",
    "engine/src/account.rs",
    "engine/src/decision.rs",
    "engine/src/verdict.rs",
];
/// The roots; everything they mention is generated too.
const ROOTS: [&str; 3] = ["Shown", "Request", "Answer"];

const HEADER: &str = "\
// Generated from src-tauri/protocol/src/lib.rs by the test `bindings` of sluice-app; do not edit.
// Write it anew with: SLUICE_BLESS=1 cargo test -p sluice-app bindings
";

#[test]
fn bindings_are_those_of_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let items: Vec<Item> = SOURCES
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(root.join(file)).expect(file);
            syn::parse_file(&text).expect(file).items
        })
        .collect();
    let wanted = generate(&items);
    let target = root.join("../ui/src/bindings.ts");
    if std::env::var_os("SLUICE_BLESS").is_some() {
        std::fs::write(&target, &wanted).expect("write");
    }
    let found = std::fs::read_to_string(&target).unwrap_or_default();
    assert!(found == wanted, "ui/src/bindings.ts is old; {}", HEADER.lines().nth(1).unwrap());
}

fn generate(items: &[Item]) -> String {
    let mut output = HEADER.to_owned();
    let mut done = BTreeSet::new();
    let mut open: Vec<String> = ROOTS.iter().rev().map(|name| (*name).to_owned()).collect();
    while let Some(name) = open.pop() {
        if !done.insert(name.clone()) {
            continue;
        }
        let mut mentioned = Vec::new();
        let item = items.iter().find(|item| match item {
            Item::Struct(item) => item.ident == name,
            Item::Enum(item) => item.ident == name,
            _ => false,
        });
        let text = match item {
            Some(Item::Struct(item)) => structure(item, &mut mentioned),
            Some(Item::Enum(item)) => enumeration(item, &mut mentioned),
            _ => panic!("{name} is in none of {SOURCES:?}"),
        };
        write!(output, "\n{}{text}", doc(&item.map(attributes).unwrap_or_default())).unwrap();
        mentioned.reverse();
        open.extend(mentioned);
    }
    output
}

fn attributes(item: &Item) -> Vec<Attribute> {
    match item {
        Item::Struct(item) => item.attrs.clone(),
        Item::Enum(item) => item.attrs.clone(),
        _ => Vec::new(),
    }
}

fn structure(item: &ItemStruct, mentioned: &mut Vec<String>) -> String {
    let name = &item.ident;
    match &item.fields {
        Fields::Named(_) => {
            format!("export interface {name} {{\n{}}}\n", fields(&item.fields, "  ", mentioned))
        }
        Fields::Unnamed(inner) if inner.unnamed.len() == 1 => {
            // `transparent`, as every newtype of the interface is.
            assert!(serde(&item.attrs, "transparent").is_some(), "{name} is not transparent");
            format!("export type {name} = {};\n", typed(&inner.unnamed[0].ty, mentioned))
        }
        _ => panic!("{name} has a shape this generator does not know"),
    }
}

fn fields(fields: &Fields, pad: &str, mentioned: &mut Vec<String>) -> String {
    let mut text = String::new();
    for field in fields {
        let name = field.ident.as_ref().expect("named");
        let kind = typed(&field.ty, mentioned);
        writeln!(text, "{}{pad}{name}: {kind};", indented(&doc(&field.attrs), pad)).unwrap();
    }
    text
}

fn enumeration(item: &ItemEnum, mentioned: &mut Vec<String>) -> String {
    let case = serde(&item.attrs, "rename_all").unwrap_or_default();
    let tag = serde(&item.attrs, "tag");
    let variants: Vec<String> = item
        .variants
        .iter()
        .map(|variant| {
            let name = renamed(&variant.ident.to_string(), &case);
            match (&tag, &variant.fields) {
                (None, Fields::Unit) => format!("\"{name}\""),
                (Some(tag), Fields::Unit) => format!("{{ {tag}: \"{name}\" }}"),
                (Some(tag), Fields::Named(_)) => format!(
                    "{{\n      {tag}: \"{name}\";\n{}    }}",
                    fields(&variant.fields, "      ", mentioned)
                ),
                (Some(tag), Fields::Unnamed(inner)) if inner.unnamed.len() == 1 => {
                    format!(
                        "({{ {tag}: \"{name}\" }} & {})",
                        typed(&inner.unnamed[0].ty, mentioned)
                    )
                }
                _ => panic!("{}::{name} has a shape this generator does not know", item.ident),
            }
        })
        .collect();
    format!("export type {} =\n  | {};\n", item.ident, variants.join("\n  | "))
}

fn typed(kind: &Type, mentioned: &mut Vec<String>) -> String {
    match kind {
        Type::Tuple(tuple) => {
            let parts: Vec<String> =
                tuple.elems.iter().map(|part| typed(part, mentioned)).collect();
            format!("[{}]", parts.join(", "))
        }
        Type::Path(path) => {
            let segment = path.path.segments.last().expect("a name");
            let mut inner = Vec::new();
            if let PathArguments::AngleBracketed(arguments) = &segment.arguments {
                for argument in &arguments.args {
                    if let GenericArgument::Type(kind) = argument {
                        inner.push(typed(kind, mentioned));
                    }
                }
            }
            match (segment.ident.to_string().as_str(), inner.as_slice()) {
                ("Option", [one]) => format!("{one} | null"),
                ("Vec", [one]) if one.contains('|') => format!("({one})[]"),
                ("Vec", [one]) => format!("{one}[]"),
                ("Box" | "Arc", [one]) => one.clone(),
                ("BTreeMap", [key, value]) => format!("Record<{key}, {value}>"),
                ("String" | "str", []) => "string".to_owned(),
                ("bool", []) => "boolean".to_owned(),
                ("f64" | "i64" | "i32" | "u64" | "u32" | "u8", []) => "number".to_owned(),
                ("Value", []) => "unknown".to_owned(),
                (name, []) => {
                    mentioned.push(name.to_owned());
                    name.to_owned()
                }
                (name, _) => panic!("{name} is generic in a way this generator does not know"),
            }
        }
        Type::Reference(reference) => typed(&reference.elem, mentioned),
        _ => panic!("a type this generator does not know"),
    }
}

/// A serde attribute's value; the empty text for a flag that is set.
fn serde(attributes: &[Attribute], wanted: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let parsed = attribute.parse_nested_meta(|meta| {
            let value = match meta.value() {
                Ok(value) => value.parse::<syn::LitStr>()?.value(),
                Err(_) => String::new(),
            };
            if meta.path.is_ident(wanted) {
                found = Some(value);
            }
            Ok(())
        });
        parsed.expect("a serde attribute");
    }
    found
}

fn renamed(name: &str, case: &str) -> String {
    match case {
        "" => name.to_owned(),
        "lowercase" => name.to_lowercase(),
        "snake_case" => {
            let mut text = String::new();
            for (index, letter) in name.chars().enumerate() {
                if letter.is_uppercase() && index > 0 {
                    text.push('_');
                }
                text.extend(letter.to_lowercase());
            }
            text
        }
        other => panic!("rename_all = {other} is not known here"),
    }
}

fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &pair.value
        {
            writeln!(text, "//{}", line.value()).unwrap();
        }
    }
    text
}

fn indented(text: &str, pad: &str) -> String {
    text.lines().map(|line| format!("{pad}{line}\n")).collect()
}
